"""The operator's commands."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

from ingest.broker import connection
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import PauseOwner
from ingest.broker.publish import EXTRACT, SAVE
from ingest.core.messages import PostEntities
from ingest.models import ApiKey, DeadLetter, Step
from ingest.store import open_store
from ingestsite import configuration
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


class Terminal(StringIO):
    """What a person reads."""

    def isatty(self) -> bool:
        return True


def test_a_recount_tells_a_person_how_far_it_is() -> None:
    open_store().add([with_entities("1", [entity("Oslo")])])
    errors = Terminal()
    with pytest.raises(SystemExit):
        call_command("recount", stdout=StringIO(), stderr=errors)
    assert "1 posts read" in errors.getvalue()


def test_a_repair_lets_every_name_be_found() -> None:
    open_store().add([with_entities("1", [entity("Oslo"), entity("Obama")])])
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("recount", "--repair", stdout=out)
    assert end.value.code == 0
    assert "2 names can be found" in out.getvalue()


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


def test_a_key_expires_and_is_rotated_and_found_in_a_file(tmp_path: Path) -> None:
    old = run("api_key", "create", "wire", "--days", "10").split()[-1]
    assert ApiKey.objects.get().scopes == ["submit"]
    assert "expires in 9 d" in run("api_key", "list")
    secret = run("api_key", "rotate", "wire", "--hours", "2").splitlines()[0].split()[-1]
    leaked = tmp_path / "settings.py"
    for text in (old, secret):
        leaked.write_text(f"KEY='{text}'")
        with pytest.raises(CommandError, match="1 times a key of ours"):
            run("api_key", "find", str(tmp_path))
    leaked.write_text(f"{secret}0 ing_short")
    assert "No key" in run("api_key", "find", str(leaked))


@pytest.mark.parametrize("owner", ["operator", "stop"])
def test_a_resume_ends_every_pause(owner: PauseOwner) -> None:
    get_admission().pause(owner)
    assert run("drain", "--resume") == "The intake is resumed.\n"
    assert get_admission().is_writable()


def test_a_resume_says_what_still_pauses_the_intake() -> None:
    stopping = threading.Event()

    def drain() -> None:
        while not stopping.wait(0.01):
            get_admission().pause("stop")

    running = threading.Thread(target=drain)
    running.start()
    try:
        with pytest.raises(CommandError) as refusal:
            run("drain", "--resume")
    finally:
        stopping.set()
        running.join()
    assert str(refusal.value) == (
        "The intake is still paused, by a stop of the stack that still runs."
    )


def test_a_resume_says_that_the_queues_are_full(settings: Any) -> None:
    settings.QUEUE_LIMIT = 5
    for _ in range(5):
        connection.redis_client().lpush(EXTRACT, "{}")
    assert run("drain", "--resume") == (
        "The intake is resumed, but the queues are full: 5 messages wait. "
        "Posts are accepted again at 4.\n"
    )


def test_a_resume_without_a_broker_is_one_sentence(unreachable_broker: None) -> None:
    with pytest.raises(CommandError) as refusal:
        run("drain", "--resume")
    assert str(refusal.value).startswith("The intake is not resumed: the broker does not answer")
    assert len(str(refusal.value).splitlines()) == 1


def test_a_stop_s_drain_says_how_many_posts_are_saved() -> None:
    open_store().add([with_entities("1", [entity("Oslo")]), with_entities("2", [])])
    with pytest.raises(SystemExit) as end:
        call_command("drain", "--by", "stop", stdout=(out := StringIO()))
    assert end.value.code == 0
    assert out.getvalue().endswith("drain: drained, 2 posts saved, 0 waiting\n")


def test_a_check_finds_a_missing_model(settings: Any) -> None:
    settings.MODEL, settings.MODELS = "no_such_model", {"de": "/nowhere/de"}
    with pytest.raises(SystemCheckError) as found:
        call_command("check")
    assert "INGEST_MODEL: 'no_such_model' is neither an installed package nor" in str(found.value)
    assert "INGEST_MODELS: '/nowhere/de' is neither" in str(found.value)


def test_a_wrong_password_of_the_broker_ends_the_start(other_password: None) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("prepare", stdout=out, stderr=out)
    assert end.value.code == os.EX_CONFIG
    assert out.getvalue() == (
        "INGEST_BROKER_URL: the broker refuses the user, password or virtual host.\n"
    )


def test_a_worker_with_a_wrong_password_ends_instead_of_trying_for_ever(tmp_path: Path) -> None:
    url = configuration.BROKER_URL.replace("redis://:", "redis://:not-")
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "ingestsite", "worker", "-Q", "save"],
        env={**os.environ, "INGEST_STATE_DIR": str(tmp_path), "INGEST_BROKER_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == os.EX_CONFIG
    assert done.stderr.splitlines()[-1] == (
        "INGEST_BROKER_URL: the broker refuses the user, password or virtual host."
    )


@pytest.fixture
def other_password(settings: Any) -> Iterator[None]:
    """Use a wrong password for the broker in this process."""
    yield from _broker_url(configuration.BROKER_URL.replace("redis://:", "redis://:not-"))


@pytest.fixture
def unreachable_broker(settings: Any) -> Iterator[None]:
    """Use a broker that does not run."""
    yield from _broker_url("redis://127.0.0.1:1/0")


def _broker_url(url: str) -> Iterator[None]:
    conf: Any = current_app.conf
    before = conf.broker_url
    conf.broker_url = url
    connection.redis_client.forget()
    yield
    conf.broker_url = before
    connection.redis_client.forget()
