"""Aliases and patterns reach every saved post, while posts flow and a save child dies."""

import pytest

from ingest.core.counts import Counts, EntityCounts
from ingest.devstack import demo
from ingest.devstack.stack import Stack
from ingest.store.firestore.store import FirestoreStore
from tests.support import prepared
from tests.support.processes import kill, main_and_children

CHANGE = """
from ingest.operations import alias_backfill
from ingest.models import Alias
from ingest.operations.rule_versions import bump_version
{change}
bump_version()
alias_backfill.start()
"""
MERGE = 'Alias.objects.create(name="Lisbon", label="GPE", becomes="Portugal")'
SPLIT = "Alias.objects.all().delete()"

PATTERN = """
from ingest.models import Pattern
from ingest.operations.rule_versions import save_pattern_set
Pattern.objects.create(label="PERSON", pattern="envoy")
save_pattern_set()
"""

TEXT = "Lisbon and France spoke. Portugal sent an envoy to Paris, France said."
LISBON, PORTUGAL = ("PLACE", "lisbon"), ("PLACE", "portugal")


def posts(start: int, count: int) -> list[dict[str, str]]:
    return [
        {"publication": "The Gazette", "content": TEXT, "id": str(n)}
        for n in range(start, start + count)
    ]


def change(stack: Stack, what: str) -> None:
    """Change the aliases, and start a backfill."""
    stack.manage("shell", "-c", CHANGE.format(change=what))


def kill_a_save_child(stack: Stack) -> None:
    _, children = main_and_children(stack, "-Q save")
    kill(children[0])


def mentions(counts: Counts) -> list[int]:
    return [counts.entities.get(name, EntityCounts()).mentions for name in (LISBON, PORTUGAL)]


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
def test_an_alias_is_exact_while_posts_flow_and_a_save_child_dies(
    stack: Stack, firestore: FirestoreStore
) -> None:
    stack.environment |= {"INGEST_VISIBILITY_SECONDS": "9", "INGEST_MERGE_SECONDS": "3"}
    client = prepared.prepare(stack)
    stack.start()

    client.submit(posts(0, 60))
    for number, (what, expected) in enumerate(((MERGE, [0, 2]), (SPLIT, [1, 1])), start=1):
        change(stack, what)
        client.submit(posts(60 * number, 60))
        kill_a_save_child(stack)
        # Until the backfill ends, its next step waits or is in progress.
        demo.await_empty(client)
        recount = firestore.recount("The Gazette")
        count = 60 * (number + 1)
        assert recount.stored.posts == count
        assert not recount.diff
        assert mentions(recount.stored) == [share * count for share in expected]

    # Running workers use the new pattern without a restart.
    stack.manage("shell", "-c", PATTERN)
    stack.manage("reprocess")
    demo.await_empty(client)
    recount = firestore.recount("The Gazette")
    assert not recount.diff
    assert recount.stored.entities["PERSON", "envoy"].mentions == recount.stored.posts == count
