"""Failure isolation: one bad post does not harm its neighbours."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import AcceptedPost, ExtractMessage
from ingest.models import CrashCount, DeadLetter, Step
from ingest.process.time_limit import TimeLimitExceeded
from ingest.store.base import StoreRefused, StoreUnavailable
from ingest.worker import failure_isolation
from ingest.worker.batching import Delivery
from tests.support.factories import accepted

pytestmark = pytest.mark.django_db

POSTS = [accepted(f"Post {n}.") for n in range(5)]
BAD = POSTS[2]


class Effect:
    """Note the posts of each call; raise an error if the bad post is among them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.done: list[str] = []

    def __call__(self, posts: Sequence[AcceptedPost]) -> None:
        if self.error and BAD in posts:
            raise self.error
        self.done += [post.content for post in posts]


def process(effect: Effect, *, redelivered: bool = False) -> None:
    """Process one message of five posts."""
    delivery = Delivery(ExtractMessage(posts=tuple(POSTS)).payload(), redelivered)
    failure_isolation.process_batch(Step.EXTRACT, [delivery], ExtractMessage, effect)


def contents(posts: Sequence[AcceptedPost]) -> list[str]:
    return [post.content for post in posts]


NEIGHBOURS = [post for post in POSTS if post is not BAD]


@pytest.mark.parametrize("redelivered", [False, True])
def test_good_posts_pass_and_leave_nothing_behind(redelivered: bool) -> None:
    effect = Effect()
    process(effect, redelivered=redelivered)
    assert effect.done == contents(POSTS)
    assert not DeadLetter.objects.exists()
    assert not CrashCount.objects.exists()


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("bad"), "failed"),
        (MemoryError(), "failed"),
        (TimeLimitExceeded("slow"), "timeout"),
        (StoreRefused("never"), "refused"),
    ],
)
def test_a_bad_post_is_a_dead_letter_and_its_neighbours_pass(
    error: Exception, reason: str, redelivered: bool
) -> None:
    effect = Effect(error)
    process(effect, redelivered=redelivered)
    dead_letter = DeadLetter.objects.get()
    assert effect.done == contents(NEIGHBOURS)
    assert (dead_letter.post_id, dead_letter.reason, dead_letter.step) == (
        BAD.post_id,
        reason,
        "extract",
    )
    assert (dead_letter.content, dead_letter.publication) == (BAD.content, BAD.publication)
    assert type(error).__name__ in dead_letter.detail
    assert "Traceback" in dead_letter.trace


def test_a_dead_letter_that_comes_again_is_still_one() -> None:
    for _ in range(2):
        process(Effect(ValueError("bad")))
    assert DeadLetter.objects.count() == 1


@pytest.mark.parametrize("redelivered", [False, True])
def test_of_two_revisions_the_last_is_the_dead_letter(redelivered: bool) -> None:
    """The worker processes both, though they have one id, in either order."""
    edit = BAD.model_copy(update={"accepted_at": BAD.accepted_at + timedelta(microseconds=1)})
    seen: list[AcceptedPost] = []

    def fail(posts: Sequence[AcceptedPost]) -> None:
        seen.extend(posts)
        raise ValueError("bad")

    payload = ExtractMessage(posts=(edit, BAD, BAD)).payload()
    deliveries = [Delivery(payload, redelivered)]
    failure_isolation.process_batch(Step.EXTRACT, deliveries, ExtractMessage, fail)
    assert {post.accepted_at for post in seen} == {edit.accepted_at, BAD.accepted_at}
    assert AcceptedPost.read(DeadLetter.objects.get().payload) == edit


@pytest.mark.parametrize("error", [BrokerUnavailable("away"), StoreUnavailable("away")])
@pytest.mark.parametrize("redelivered", [False, True])
def test_an_outage_is_nothing_against_a_post(error: Exception, redelivered: bool) -> None:
    for _ in range(10):
        with pytest.raises(type(error)):
            process(Effect(error), redelivered=redelivered)
    assert not DeadLetter.objects.exists()
    assert sum(count.starts for count in CrashCount.objects.all()) == 0


def test_an_exception_may_say_what_no_database_keeps() -> None:
    process(Effect(ValueError("NUL: \0, half a surrogate: \ud800")))
    assert r"NUL: \x00, half a surrogate: \ud800" in DeadLetter.objects.get().detail


class ProcessDied(BaseException):
    """Stands for the death of the process, which none of our code sees."""


def test_a_post_that_kills_its_process_is_a_dead_letter_after_a_few_tries() -> None:
    class Kill(Effect):
        def __call__(self, posts: Sequence[AcceptedPost]) -> None:
            if BAD in posts:
                raise ProcessDied
            super().__call__(posts)

    with pytest.raises(ProcessDied):
        process(Kill())
    for _ in range(failure_isolation.MAX_CRASHES):
        with pytest.raises(ProcessDied):
            process(Kill(), redelivered=True)
    last = Kill()
    process(last, redelivered=True)
    dead_letter = DeadLetter.objects.get()
    assert (dead_letter.reason, dead_letter.attempts) == (
        "killed",
        failure_isolation.MAX_CRASHES + 1,
    )
    assert last.done == contents(NEIGHBOURS)
    assert not CrashCount.objects.exists()


def test_suspects_are_tried_together_and_after_another_crash_alone() -> None:
    """Hundreds of good posts, one by one, took longer than the broker's delivery timeout."""
    batches: list[list[str]] = []

    def die(posts: Sequence[AcceptedPost]) -> None:
        batches.append(contents(posts))
        raise ProcessDied

    def pass_(posts: Sequence[AcceptedPost]) -> None:
        batches.append(contents(posts))

    delivery = Delivery(ExtractMessage(posts=tuple(POSTS)).payload(), redelivered=True)
    with pytest.raises(ProcessDied):
        failure_isolation.process_batch(Step.EXTRACT, [delivery], ExtractMessage, die)
    failure_isolation.process_batch(Step.EXTRACT, [delivery], ExtractMessage, pass_)
    assert batches == [contents(POSTS), *([post.content] for post in POSTS)]
    assert not CrashCount.objects.exists()


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"version": 9, "posts": []},
        {"posts": [{"a": 1}]},
        {"NUL and half a surrogate": "\0 \ud800", "infinite": float("inf")},
    ],
)
def test_an_unreadable_message_is_kept_as_it_is(payload: object) -> None:
    effect = Effect()
    good = Delivery(ExtractMessage(posts=(POSTS[0],)).payload(), redelivered=False)
    deliveries = [Delivery(payload, redelivered=False), good]
    failure_isolation.process_batch(Step.EXTRACT, deliveries, ExtractMessage, effect)
    dead_letter = DeadLetter.objects.get()
    assert (dead_letter.reason, dead_letter.payload) == ("unreadable", {"message": payload})
    assert effect.done == [POSTS[0].content]
