"""The operator's commands."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ingest.broker import connection
from ingest.broker.admission import get_admission
from ingest.broker.publish import EXTRACT, SAVE
from ingest.core.messages import PostEntities
from ingest.models import ApiKey, DeadLetter, Step
from ingest.store import open_store
from tests.support.factories import accepted, entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]


def run(*arguments: str) -> str:
    """Run a command, and return what it printed."""
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def dead_letters() -> list[DeadLetter]:
    """Dead-letter three posts: two at extract, one at save."""
    posts = [accepted("Bad."), accepted("Worse."), with_entities("9", [entity("Oslo")])]
    return [
        DeadLetter.objects.create(
            post_id=post.post_id,
            publication=post.publication,
            step=Step.SAVE if isinstance(post, PostEntities) else Step.EXTRACT,
            reason=reason,
            detail="ValueError: bad",
            trace="Traceback",
            attempts=2,
            payload=post.payload(),
        )
        for post, reason in zip(posts, ("failed", "timeout", "refused"), strict=True)
    ]


def test_dead_letters_are_listed_and_shown(dead_letters: list[DeadLetter]) -> None:
    assert "3 dead letters" in run("dead_letters", "list")
    assert "1 dead letters" in run("dead_letters", "list", "--reason", "timeout")
    shown = run("dead_letters", "show", dead_letters[0].post_id)
    for word in ("Bad.", "The Gazette", "ValueError: bad", "Traceback", "extract", "failed"):
        assert word in shown


def test_a_replay_goes_back_to_the_step_that_failed(dead_letters: list[DeadLetter]) -> None:
    assert "2 replayed" in run("dead_letters", "replay", "--step", "extract")
    assert "1 replayed" in run("dead_letters", "replay", dead_letters[2].post_id)
    assert connection.redis_client().llen(EXTRACT) == 1  # two posts, one message
    assert connection.redis_client().llen(SAVE) == 1
    assert not DeadLetter.objects.exists()


def test_a_paused_intake_stops_a_replay_and_keeps_the_dead_letters(
    dead_letters: list[DeadLetter],
) -> None:
    get_admission().pause("operator")
    with pytest.raises(CommandError, match="0 replayed"):
        run("dead_letters", "replay", "--all")
    assert DeadLetter.objects.count() == 3


def test_an_unreadable_dead_letter_stays(dead_letters: list[DeadLetter]) -> None:
    DeadLetter.objects.filter(pk=dead_letters[0].pk).update(payload={"message": 7})
    told = "2 replayed, 1 kept because this version cannot read them"
    assert told in run("dead_letters", "replay", "--all")
    assert DeadLetter.objects.get().pk == dead_letters[0].pk


def test_discard_deletes_only_the_named_dead_letters(dead_letters: list[DeadLetter]) -> None:
    assert "1 discarded" in run("dead_letters", "discard", "--reason", "refused")
    assert DeadLetter.objects.count() == 2


@pytest.mark.parametrize("action", ["replay", "discard"])
def test_nothing_is_replayed_or_discarded_by_accident(
    action: str, dead_letters: list[DeadLetter]
) -> None:
    with pytest.raises(CommandError, match="--all"):
        run("dead_letters", action)
    with pytest.raises(CommandError, match="no such"):
        run("dead_letters", action, "0" * 32)


def test_a_recount_reports_by_its_exit_status() -> None:
    open_store().add([with_entities("1", [entity("Oslo")])])
    with pytest.raises(SystemExit) as end:
        run("recount")
    assert end.value.code == 0
    with pytest.raises(CommandError, match="no publication"):
        run("recount", "Nowhere")


def test_a_drain_pauses_the_intake_and_reports_by_its_exit_status() -> None:
    with pytest.raises(SystemExit) as end:
        run("drain", "--timeout", "5")
    assert end.value.code == 0
    assert not get_admission().backlog().writable
    run("drain", "--resume")
    assert get_admission().backlog().writable


def test_a_drain_whose_time_is_up_exits_1() -> None:
    connection.redis_client().lpush(EXTRACT, "message")
    with pytest.raises(SystemExit) as end:
        run("drain", "--timeout", "0")
    assert end.value.code == 1


def test_keys_are_created_listed_and_revoked() -> None:
    secret = run("api_key", "create", "wire", "--scope", "submit").split()[-1]
    assert ApiKey.objects.get(name="wire").digest == ApiKey.digest_of(secret)
    assert secret not in run("api_key", "list")
    with pytest.raises(CommandError, match="already"):
        run("api_key", "create", "wire")
    run("api_key", "revoke", "wire")
    with pytest.raises(CommandError, match="no valid key"):
        run("api_key", "revoke", "wire")


def test_the_first_key_is_created_once() -> None:
    assert "ing_" in run("api_key", "first")
    assert run("api_key", "first") == ""


def test_a_key_is_listed_with_its_limits_and_its_last_use() -> None:
    limits = ("--publication", "The Gazette", "--requests-per-minute", "60")
    run("api_key", "create", "wire", "--scope", "submit", *limits)
    key = ApiKey.objects.get()
    assert (key.publications, key.requests_per_minute) == (["The Gazette"], 60)
    _, line = run("api_key", "list").splitlines()
    assert "never used" in line
    assert line.endswith("wire: submit for The Gazette")
    ApiKey.objects.update(last_used_at=datetime(2026, 5, 4, 12, tzinfo=UTC))
    assert "used 2026-05-04 12:00" in run("api_key", "list")
