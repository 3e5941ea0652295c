"""Changing the store: every record is copied, and every counter is the same."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ingest.core.messages import PostEntities
from ingest.operations import copy_counts
from ingest.store import open_store_of
from ingest.store.base import Store, StoreUnavailable
from ingest.store.firestore.store import FirestoreStore
from ingest.store.sql.store import SqlStore
from tests.support.factories import NOON, entity, with_entities

POSTS = [
    with_entities(str(n), [entity(f"Name {n % 4}", 1 + n % 3), entity("Oslo", label="GPE")])
    for n in range(23)
] + [with_entities("x", [entity("Oslo", label="GPE")], publication="Another/Paper")]
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def both(
    sql: SqlStore, firestore: FirestoreStore, settings: Any, tmp_path: Path
) -> Iterator[dict[str, Store]]:
    """Return an empty store of each kind, which the command opens."""
    stores: dict[str, Store] = {"sql": sql, "firestore": firestore}
    settings.STATE_DIR = tmp_path
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.management.commands.copy_counts.open_store_of", stores.__getitem__)
        patch.setattr(copy_counts, "PAGE_RECORDS", 5)
        yield stores


def fill(store: Store) -> None:
    """Save posts, edit one, delete one, and delete one that never arrived."""
    store.add(POSTS)
    store.add([with_entities("1", [entity("Edited", 7)], accepted_at=LATER)])
    store.remove(POSTS[2].post_id, at=LATER)
    store.remove("f" * 32, at=LATER)


def run(source: str, target: str) -> None:
    call_command("copy_counts", "--from", source, "--to", target, verbosity=0)


@pytest.mark.parametrize(("source", "target"), [("firestore", "sql"), ("sql", "firestore")])
def test_a_copy_has_every_record_and_every_counter(
    both: dict[str, Store], source: str, target: str
) -> None:
    fill(both[source])
    run(source, target)
    records = both[source].records(limit=99)
    assert len(records) == len(POSTS) + 1
    assert both[target].records(limit=99) == records
    for publication in both[source].publications():
        copied = both[target].recount(publication.name)
        assert copied.stored == both[source].recount(publication.name).stored
        assert not copied.diff
    late = both[target].add([POSTS[2]])
    assert late == 0, "a deletion was not copied"


def test_an_interrupted_copy_goes_on_where_it_ended(
    both: dict[str, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(both["firestore"])
    add = both["sql"].add
    pages: list[Sequence[PostEntities]] = []

    def note(posts: Sequence[PostEntities]) -> int:
        pages.append(posts)
        return add(posts)

    def break_off(posts: Sequence[PostEntities]) -> int:
        if len(pages) == 2:
            raise StoreUnavailable("away")
        return note(posts)

    with monkeypatch.context() as line:
        line.setattr(both["sql"], "add", break_off)
        with pytest.raises(CommandError, match="it goes on"):
            run("firestore", "sql")
    checkpoint = tmp_path / "copy-firestore-sql.json"
    assert json.loads(checkpoint.read_text())["records"] == 10
    with monkeypatch.context() as line:
        line.setattr(both["sql"], "add", note)
        run("firestore", "sql")
    assert sum(map(len, pages)) == len(POSTS) - 1, "a post was copied twice"
    assert not checkpoint.exists()
    assert both["sql"].records(limit=99) == both["firestore"].records(limit=99)


def test_a_target_that_counts_something_else_is_told(both: dict[str, Store]) -> None:
    fill(both["sql"])
    both["firestore"].add([with_entities("other", [entity("Odin")])])
    with pytest.raises(CommandError, match=r"1 publications have other counts: The Gazette"):
        run("sql", "firestore")


def test_a_store_is_not_copied_to_itself() -> None:
    with pytest.raises(CommandError, match="the same store"):
        run("sql", "sql")


def test_the_command_opens_the_stores_of_the_settings() -> None:
    assert isinstance(open_store_of("sql"), SqlStore)
