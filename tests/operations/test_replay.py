"""Replaying and discarding dead letters."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ingest.broker import connection, publish
from ingest.broker.admission import get_admission
from ingest.broker.publish import EXTRACT
from ingest.core.messages import AcceptedPost
from ingest.models import AuditEntry, DeadLetter, Step
from ingest.operations import replay
from ingest.operations.audit import Actor, Via
from tests.support.factories import accepted

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
