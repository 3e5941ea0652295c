"""Changed aliases are applied to saved posts."""

from typing import Any

import pytest
from django.db import OperationalError

from ingest.broker import connection, publish
from ingest.core.messages import PostEntities
from ingest.models import Alias, AliasBackfill
from ingest.operations import alias_backfill, audit, rule_versions
from ingest.operations.rule_versions import bump_version, current_rules, newest_rules
from ingest.process import shutdown
from ingest.store import open_store
from ingest.tasks import backfill_aliases
from tests.support.factories import entity, with_entities
from tests.support.stores import mentions

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]


def alias(name: str, becomes: str, *, publication: str = "") -> Alias:
    """Change the rules as the admin does."""
    row = Alias(name=name, label="GPE", becomes=becomes, publication=publication)
    row.full_clean()
    row.save()
    bump_version()
    return row


def save(count: int, *, publication: str = "The Gazette") -> None:
    entities = [entity("RUR", 2, label="GPE"), entity("Ruritania", label="GPE")]
    posts = [with_entities(str(n), entities, publication=publication) for n in range(count)]
    open_store().add([current_rules().apply(post) for post in posts])


def finish(backfill: AliasBackfill) -> AliasBackfill:
    """Take the steps of a backfill, as the save workers do."""
    while True:
        backfill.refresh_from_db()
        if backfill.ended_at:
            return backfill
        alias_backfill.take_step(backfill.pk)


def test_a_new_and_a_deleted_alias_are_applied_to_saved_posts() -> None:
    save(450)
    row = alias("RUR", "Ruritania")
    backfill = finish(alias_backfill.start())
    assert mentions(open_store(), "The Gazette") == {"ruritania": (1350, 450)}
    progress = (backfill.total, backfill.seen, backfill.changed, backfill.problem)
    assert progress == (450, 450, 450, "")
    row.delete()
    bump_version()
    assert finish(alias_backfill.start()).changed == 450
    assert mentions(open_store(), "The Gazette") == {"rur": (900, 450), "ruritania": (450, 450)}


def test_a_backfill_says_what_it_did_in_words() -> None:
    backfill = alias_backfill.start()
    assert backfill.progress == "waits until every save worker knows the change"
    assert finish(backfill).progress == "done, there were no saved posts yet"
    save(3)
    assert (
        finish(alias_backfill.start()).progress == "done, none of the 3 saved posts had to change"
    )
    alias("RUR", "Ruritania")
    changed = finish(alias_backfill.start()).progress
    assert changed == "done, 3 of 3 saved posts count differently"


def test_an_alias_of_one_publication_changes_only_that_publication() -> None:
    save(3)
    save(3, publication="Another/Paper")
    alias("RUR", "Ruritania", publication="another/PAPER")
    assert finish(alias_backfill.start("another/PAPER")).seen == 3
    assert mentions(open_store(), "Another/Paper") == {"ruritania": (9, 3)}
    assert mentions(open_store(), "The Gazette") == {"rur": (6, 3), "ruritania": (3, 3)}


def test_of_two_equal_steps_only_one_enqueues_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    save(450)
    alias("RUR", "Ruritania")
    backfill = alias_backfill.start()
    enqueued = connection.redis_client().llen(publish.SAVE)
    revise = open_store().revise

    def twice(*arguments: object) -> int:
        monkeypatch.undo()
        alias_backfill.take_step(backfill.pk)
        return revise(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(open_store(), "revise", twice)
    alias_backfill.take_step(backfill.pk)
    assert connection.redis_client().llen(publish.SAVE) == enqueued + 1
    assert finish(backfill).seen == 450
    assert mentions(open_store(), "The Gazette") == {"ruritania": (1350, 450)}


def test_a_backfill_replaces_one_that_covers_no_more_posts() -> None:
    one, all_ = alias_backfill.start("The Gazette"), alias_backfill.start()
    other = alias_backfill.start("The Gazette")
    one.refresh_from_db()
    all_.refresh_from_db()
    assert one.problem == "replaced by a newer backfill"
    assert one.ended_at
    assert not all_.ended_at
    assert not other.ended_at


def test_a_backfill_waits_until_every_save_worker_has_read_the_rules() -> None:
    backfill = alias_backfill.start()
    assert 0 < alias_backfill.seconds_too_early(backfill.pk) <= rule_versions.REFRESH_SECONDS + 1
    alias_backfill.finish(backfill.pk)
    assert alias_backfill.seconds_too_early(backfill.pk) == 0


def test_a_process_reads_new_rules_after_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    before = current_rules()
    alias("RUR", "Ruritania")
    assert current_rules() is before
    monkeypatch.setattr(rule_versions, "REFRESH_SECONDS", 0)
    rule_versions._rules.expire()
    assert current_rules().version == before.version + 1
    assert newest_rules() is current_rules()


def test_rules_that_change_while_posts_are_saved_are_applied_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ingest.worker.steps import save_batch

    monkeypatch.setattr(rule_versions, "REFRESH_SECONDS", 0)
    add = open_store().add

    def slowly(posts: list[PostEntities]) -> int:
        added = add(posts)
        alias("RUR", "Ruritania")
        return added

    monkeypatch.setattr(open_store(), "add", slowly)
    save_batch([with_entities("1", [entity("RUR", label="GPE")])])
    assert mentions(open_store(), "The Gazette") == {"ruritania": (1, 1)}


def test_a_step_reads_one_publication_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        save(2, publication=f"Paper {number}")
    limits: list[int | None] = []
    read = open_store().publications

    def publications(**options: Any) -> Any:
        limits.append(options.get("limit"))
        return read(**options)

    monkeypatch.setattr(open_store(), "publications", publications)
    assert finish(alias_backfill.start()).seen == 10
    assert None not in limits


@pytest.mark.django_db(transaction=True)  # the wait closes connections
def test_a_step_waits_out_an_outage_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was once given back at once, and taken again at once, for as long as the outage."""
    save(2)
    backfill = alias_backfill.start()
    answers: list[Exception] = [OperationalError("away"), OperationalError("away")]

    def seconds_too_early(pk: int) -> float:
        if answers:
            raise answers.pop()
        return 0

    waits: list[float] = []
    monkeypatch.setattr(alias_backfill, "seconds_too_early", seconds_too_early)
    monkeypatch.setattr(shutdown, "wait", lambda seconds: waits.append(seconds))
    backfill_aliases(backfill.pk)
    backfill.refresh_from_db()
    assert backfill.seen == 2
    assert waits[0] > 0
    assert len(waits) == 3, "two waits for the database, and one for the other workers"


def test_a_cancelled_backfill_takes_no_further_step() -> None:
    save(3)
    alias("US", "United States")
    backfill = alias_backfill.start("")
    by = audit.Actor("alice", audit.Via.ADMIN)
    assert alias_backfill.cancel(AliasBackfill.objects.all(), by=by) == 1
    assert alias_backfill.cancel(AliasBackfill.objects.all(), by=by) == 0
    alias_backfill.take_step(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.problem, backfill.seen) == ("cancelled by alice", 0)
