"""How a change of the rules reaches what is counted already."""

import pytest

from ingest import broker, pipeline, rulebook, runs
from ingest.messages import PostEntities
from ingest.models import Alias, Run
from ingest.rulebook import current_rules, newest_rules, note_change
from ingest.store import open_store
from tests.making import entity, with_entities
from tests.stores import mentions

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "memory_store"),
]


def alias(name: str, becomes: str, *, publication: str = "") -> Alias:
    """Change the rules as the admin does."""
    row = Alias(name=name, label="GPE", becomes=becomes, publication=publication)
    row.full_clean()
    row.save()
    note_change()
    return row


def save(count: int, *, publication: str = "The Gazette") -> None:
    entities = [entity("US", 2, label="GPE"), entity("United States", label="GPE")]
    posts = [with_entities(str(n), entities, publication=publication) for n in range(count)]
    open_store().add([current_rules().apply(post) for post in posts])


def finish(run: Run) -> Run:
    """Take the steps of a run, as the savers do that are asked for them."""
    while True:
        run.refresh_from_db()
        if run.ended_at:
            return run
        runs.take_step(run.pk)


def test_a_merge_and_its_end_reach_posts_that_are_counted() -> None:
    save(450)
    row = alias("US", "United States")
    run = finish(runs.start())
    assert mentions(open_store(), "The Gazette") == {"united states": (1350, 450)}
    assert (run.total, run.seen, run.changed, run.problem) == (450, 450, 450, "")
    row.delete()
    note_change()
    assert finish(runs.start()).changed == 450
    assert mentions(open_store(), "The Gazette") == {"us": (900, 450), "united states": (450, 450)}


def test_a_rule_of_one_publication_is_for_that_one() -> None:
    save(3)
    save(3, publication="Another/Paper")
    alias("US", "United States", publication="another/PAPER")
    assert finish(runs.start("another/PAPER")).seen == 3
    assert mentions(open_store(), "Another/Paper") == {"united states": (9, 3)}
    assert mentions(open_store(), "The Gazette") == {"us": (6, 3), "united states": (3, 3)}


def test_of_two_steps_that_do_the_same_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    save(450)
    alias("US", "United States")
    run = runs.start()
    asked = broker.redis_client().llen(pipeline.SAVE)
    revise = open_store().revise

    def twice(*arguments: object) -> int:
        monkeypatch.undo()
        runs.take_step(run.pk)
        return revise(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(open_store(), "revise", twice)
    runs.take_step(run.pk)
    assert broker.redis_client().llen(pipeline.SAVE) == asked + 1
    assert finish(run).seen == 450
    assert mentions(open_store(), "The Gazette") == {"united states": (1350, 450)}


def test_a_run_takes_the_place_of_one_that_does_no_more() -> None:
    one, all_ = runs.start("The Gazette"), runs.start()
    other = runs.start("The Gazette")
    one.refresh_from_db()
    all_.refresh_from_db()
    assert one.ended_at
    assert not all_.ended_at
    assert not other.ended_at


def test_a_run_waits_until_every_saver_knows_the_rules() -> None:
    run = runs.start()
    assert 0 < runs.seconds_too_early(run.pk) <= rulebook.LASTS + 1
    runs.end(run.pk)
    assert runs.seconds_too_early(run.pk) == 0


def test_a_process_knows_new_rules_after_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    before = current_rules()
    alias("US", "United States")
    assert current_rules() is before
    monkeypatch.setattr(rulebook, "LASTS", 0)
    rulebook._rules.ask_again()
    assert current_rules().version == before.version + 1
    assert newest_rules() is current_rules()


def test_rules_that_change_while_posts_are_saved_are_applied_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ingest.tasks import _save

    monkeypatch.setattr(rulebook, "LASTS", 0)
    add = open_store().add

    def slowly(posts: list[PostEntities]) -> int:
        added = add(posts)
        alias("US", "United States")
        return added

    monkeypatch.setattr(open_store(), "add", slowly)
    _save([with_entities("1", [entity("US", label="GPE")])])
    assert mentions(open_store(), "The Gazette") == {"united states": (1, 1)}
