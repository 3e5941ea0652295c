"""Replaying and discarding dead letters."""

import json
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone

from ingest.broker import connection, publish
from ingest.broker.admission import get_admission
from ingest.broker.message_reader import read_message
from ingest.broker.publish import EXTRACT, SAVE
from ingest.core.messages import AcceptedPost, ExtractMessage, SaveMessage
from ingest.models import AuditEntry, DeadLetter, DeadLetterReplay, Step
from ingest.operations import replay
from ingest.operations.audit import Actor, Via
from tests.support.factories import accepted, with_entities

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker")]

ALICE = Actor("alice", Via.ADMIN)


def dead_letter(post: AcceptedPost) -> DeadLetter:
    """Dead-letter a post that failed at extract."""
    return DeadLetter.objects.create(
        post_id=post.post_id,
        publication=post.publication,
        step=Step.EXTRACT,
        reason="failed",
        detail="ValueError: bad",
        attempts=2,
        payload=post.payload(),
    )


def test_many_dead_letters_are_admitted_together() -> None:
    for number in range(replay.CHUNK_SIZE + 1):
        dead_letter(accepted(f"Post {number}."))
    result = replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert str(result) == f"{replay.CHUNK_SIZE + 1} replayed"
    assert connection.redis_client().llen(EXTRACT) == 2
    assert not DeadLetter.objects.exists()


def test_a_dead_letter_is_kept_when_its_post_fails_again_during_the_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker may fail before the replay ends. The dead letter is then of the second failure."""
    letter = dead_letter(accepted("Bad."))
    enqueue = publish.enqueue

    def fail_at_once(posts: Any, **options: Any) -> None:
        enqueue(posts, **options)
        later = timezone.now() + timedelta(microseconds=1)
        DeadLetter.objects.filter(pk=letter.pk).update(attempts=4, last_at=later)

    monkeypatch.setattr(publish, "enqueue", fail_at_once)
    replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert DeadLetter.objects.get().attempts == 4


def test_a_paused_intake_stops_the_replay_and_keeps_the_dead_letters() -> None:
    dead_letter(accepted("Bad."))
    get_admission().pause("operator")
    result = replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert str(result) == (
        "0 replayed. Stopped: the intake is paused. The other dead letters were kept"
    )
    assert DeadLetter.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_the_audit_log_says_who_replayed_and_discarded_what() -> None:
    first, second = dead_letter(accepted("Bad.")), dead_letter(accepted("Worse."))
    replay.replay(DeadLetter.objects.filter(pk=first.pk), by=ALICE)
    replay.discard(DeadLetter.objects.all(), by=ALICE)
    found = AuditEntry.objects.values_list("action", "target", "actor", "via")
    assert set(found) == {
        ("replay", first.post_id, "alice", "admin"),
        ("discard", second.post_id, "alice", "admin"),
    }
    assert "failed at extract, The Gazette" in AuditEntry.objects.all()[0].detail


def unreadable(payload: Any, *, step: Step = Step.EXTRACT) -> DeadLetter:
    """Dead-letter a message that a worker could not read."""
    return DeadLetter.objects.create(
        post_id="m", step=step, reason="unreadable", attempts=1, payload=payload
    )


def raw(**changes: Any) -> dict[str, Any]:
    """Return a message as a worker keeps it, which calls the extract task with a post."""
    argument = ExtractMessage(posts=(accepted("Oslo."),)).payload()
    return {
        "queue": EXTRACT,
        "headers": {"id": "1", "task": publish.EXTRACT_TASK},
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "body": json.dumps([[argument], {}, None]),
        **changes,
    }


@pytest.mark.parametrize(
    ("payload", "step", "queue"),
    [
        ({"message": ExtractMessage(posts=(accepted("Oslo."),)).payload()}, Step.EXTRACT, EXTRACT),
        ({"message": SaveMessage(posts=(with_entities("7"),)).payload()}, Step.SAVE, SAVE),
        ({"raw": raw()}, Step.EXTRACT, EXTRACT),
        (
            {
                "raw": raw(
                    headers={"id": "1", "task": publish.BACKFILL_TASK}, body="[[7], {}, null]"
                )
            },
            Step.SAVE,
            SAVE,
        ),
    ],
)
def test_an_unreadable_message_that_this_version_knows_is_replayed(
    payload: Any, step: Step, queue: str
) -> None:
    """As after a worker of an older version was rolled forward again."""
    unreadable(payload, step=step)
    assert str(replay.replay(DeadLetter.objects.all(), by=ALICE)) == "1 replayed"
    assert connection.redis_client().llen(queue) == 1
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize(
    "payload",
    [
        {"message": None},
        {"message": {"version": 9, "posts": []}},
        {"raw": raw(body="{")},
        {"raw": raw(headers={"id": "1", "task": "ingest.of_tomorrow"})},
    ],
)
def test_an_unreadable_message_is_kept_until_a_version_knows_it(payload: Any) -> None:
    unreadable(payload)
    result = replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert str(result) == "0 replayed, 1 kept because this version cannot read them"
    assert DeadLetter.objects.get().payload == payload
    assert get_admission().backlog().empty


def task_of_save_worker() -> str:
    """Take the message on the save queue, and return the task that it calls."""
    with current_app.connection_for_read() as taken:
        message = current_app.amqp.queues[SAVE].bind(taken.default_channel).get()
        assert message
        message.ack()
        return read_message(message).task


def test_many_dead_letters_are_replayed_in_steps_with_progress() -> None:
    for number in range(replay.CHUNK_SIZE + 1):
        dead_letter(accepted(f"Post {number}."))
    unreadable({"message": None})
    run = replay.start(DeadLetter.objects.all(), by=ALICE)
    assert (run.total, run.replayed, run.ended_at) == (replay.CHUNK_SIZE + 2, 0, None)
    for replayed, left in ((replay.CHUNK_SIZE, 2), (replay.CHUNK_SIZE + 1, 1)):
        assert task_of_save_worker() == publish.REPLAY_TASK
        replay.take_step(run.pk)
        run.refresh_from_db()
        assert (run.replayed, DeadLetter.objects.count()) == (replayed, left)
    assert (run.unreadable, run.problem) == (1, "")
    assert run.ended_at
    assert not connection.redis_client().exists(SAVE)
    assert AuditEntry.objects.filter(actor="alice", via="admin").count() == replay.CHUNK_SIZE + 1


def test_a_step_that_is_delivered_again_replays_nothing_twice() -> None:
    dead_letter(accepted("Bad."))
    run = replay.start(DeadLetter.objects.all(), by=ALICE)
    for _ in range(2):
        replay.take_step(run.pk)
    run.refresh_from_db()
    assert run.replayed == 1
    assert connection.redis_client().llen(EXTRACT) == 1


def test_a_paused_intake_ends_a_replay_and_keeps_the_dead_letters() -> None:
    dead_letter(accepted("Bad."))
    run = replay.start(DeadLetter.objects.all(), by=ALICE)
    get_admission().pause("operator")
    replay.take_step(run.pk)
    run.refresh_from_db()
    assert (run.replayed, run.problem) == (0, "the intake is paused")
    assert run.ended_at
    assert DeadLetter.objects.get().replay is None


def test_the_audit_log_has_a_replay_whose_post_was_saved_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A save worker deletes the dead letter of a saved post, and may be quicker than the replay."""
    letter = dead_letter(accepted("Bad."))
    enqueue = publish.enqueue

    def save_at_once(posts: Any, **options: Any) -> None:
        enqueue(posts, **options)
        DeadLetter.objects.all().delete()

    monkeypatch.setattr(publish, "enqueue", save_at_once)
    replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert AuditEntry.objects.get().target == letter.post_id


def test_a_cancelled_replay_keeps_the_other_dead_letters() -> None:
    for number in range(replay.CHUNK_SIZE + 1):
        dead_letter(accepted(f"Post {number}."))
    run = replay.start(DeadLetter.objects.all(), by=ALICE)
    replay.take_step(run.pk)
    assert replay.cancel(DeadLetterReplay.objects.all(), by=ALICE) == 1
    replay.take_step(run.pk)
    run.refresh_from_db()
    assert (run.replayed, run.problem) == (replay.CHUNK_SIZE, "cancelled by alice")
    assert DeadLetter.objects.get().replay is None
