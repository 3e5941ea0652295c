"""The way back of dead letters, and their end."""

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


def lay_aside(post: AcceptedPost) -> DeadLetter:
    """Make a dead letter of a post that failed at extract."""
    return DeadLetter.objects.create(
        post_id=post.post_id,
        publication=post.publication,
        step=Step.EXTRACT,
        reason="failed",
        detail="ValueError: bad",
        attempts=2,
        payload=post.payload(),
    )


def test_many_pass_the_gate_together() -> None:
    for number in range(replay.CHUNK_SIZE + 1):
        lay_aside(accepted(f"Post {number}."))
    outcome = replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert str(outcome) == f"{replay.CHUNK_SIZE + 1} replayed"
    assert connection.redis_client().llen(EXTRACT) == 2
    assert not DeadLetter.objects.exists()


def test_a_post_that_dies_again_before_its_letter_is_forgotten_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker may be quicker than the replay: the letter is then that of the second death."""
    letter = lay_aside(accepted("Bad."))
    enqueue = publish.enqueue

    def die_at_once(posts: Any, **options: Any) -> None:
        enqueue(posts, **options)
        later = timezone.now() + timedelta(microseconds=1)
        DeadLetter.objects.filter(pk=letter.pk).update(attempts=4, last_at=later)

    monkeypatch.setattr(publish, "enqueue", die_at_once)
    replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert DeadLetter.objects.get().attempts == 4


def test_what_cannot_pass_the_gate_stays_and_the_outcome_says_so() -> None:
    lay_aside(accepted("Bad."))
    get_admission().pause("operator")
    outcome = replay.replay(DeadLetter.objects.all(), by=ALICE)
    assert "the intake is paused; the others stay" in str(outcome)
    assert DeadLetter.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_the_trail_says_who_replayed_and_discarded_what() -> None:
    first, second = lay_aside(accepted("Bad.")), lay_aside(accepted("Worse."))
    replay.replay(DeadLetter.objects.filter(pk=first.pk), by=ALICE)
    replay.discard(DeadLetter.objects.all(), by=ALICE)
    found = AuditEntry.objects.values_list("action", "target", "actor", "via")
    assert set(found) == {
        ("replay", first.post_id, "alice", "admin"),
        ("discard", second.post_id, "alice", "admin"),
    }
    assert "failed at extract, The Gazette" in AuditEntry.objects.all()[0].detail
