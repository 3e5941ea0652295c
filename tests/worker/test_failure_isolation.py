"""Failure isolation: one bad post does not harm its neighbours."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from ingest.broker.connection import BrokerUnavailable, redis_client
from ingest.broker.publish import EXTRACT
from ingest.core.messages import AcceptedPost, ExtractMessage, PostEntities, SaveMessage
from ingest.models import CrashCount, DeadLetter, Step
from ingest.process.time_limit import TimeLimitExceeded
from ingest.store import open_store
from ingest.store.base import StoreRefused, StoreUnavailable
from ingest.worker import failure_isolation
from ingest.worker.batching import Delivery
from ingest.worker.crash_counter import count_crashes
from ingest.worker.failure_isolation import MAX_CRASHES, MAX_RETURNS, Survived
from tests.support.factories import accepted, with_entities

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sql_store")]

POSTS = [accepted(f"Post {n}.") for n in range(5)]
BAD = POSTS[2]


class Effect:
    """Note the posts of each call; raise an error if the bad post is among them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.done: list[str] = []

    def __call__(self, posts: Sequence[AcceptedPost], survived: Survived) -> None:
        if self.error and BAD in posts:
            raise self.error
        self.done += [post.content for post in posts]


def process(effect: failure_isolation.Effect[AcceptedPost], *, redelivered: bool = False) -> None:
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

    def fail(posts: Sequence[AcceptedPost], _: Survived) -> None:
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
        def __call__(self, posts: Sequence[AcceptedPost], survived: Survived) -> None:
            if BAD in posts:
                raise ProcessDied
            super().__call__(posts, survived)

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

    def die(posts: Sequence[AcceptedPost], _: Survived) -> None:
        batches.append(contents(posts))
        raise ProcessDied

    def pass_(posts: Sequence[AcceptedPost], _: Survived) -> None:
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


def test_a_death_after_the_model_is_done_is_nothing_against_a_post() -> None:
    """A process killed after the hand-over, again and again, once left good posts dead."""

    def die_late(posts: Sequence[AcceptedPost], survived: Survived) -> None:
        survived()
        raise ProcessDied

    for _ in range(5 * MAX_CRASHES):
        with pytest.raises(ProcessDied):
            process(die_late, redelivered=True)
    process(Effect(), redelivered=True)
    assert not DeadLetter.objects.exists()
    assert not CrashCount.objects.exists()


def save(*posts: PostEntities, dies: bool = False) -> None:
    """Save redelivered posts, and die after the commit."""

    def add(posts: Sequence[PostEntities], _: Survived) -> None:
        open_store().add(posts)
        if dies:
            raise ProcessDied

    delivery = Delivery(SaveMessage(posts=posts).payload(), redelivered=True)
    failure_isolation.process_batch(Step.SAVE, [delivery], SaveMessage, add)


def test_a_saved_post_whose_process_died_is_no_dead_letter() -> None:
    posts = [with_entities("1"), with_entities("2")]
    with pytest.raises(ProcessDied):
        save(*posts, dies=True)
    CrashCount.objects.update(starts=MAX_CRASHES + 5)
    save(*posts)
    assert not DeadLetter.objects.exists()
    assert not CrashCount.objects.exists()


def test_a_step_that_fails_after_the_commit_leaves_no_dead_letter() -> None:
    def fail(posts: Sequence[PostEntities], _: Survived) -> None:
        open_store().add(posts)
        raise ValueError("after the commit")

    delivery = Delivery(SaveMessage(posts=(with_entities("1"),)).payload(), redelivered=False)
    failure_isolation.process_batch(Step.SAVE, [delivery], SaveMessage, fail)
    assert not DeadLetter.objects.exists()


def test_a_saved_post_settles_its_dead_letter_but_not_that_of_a_later_revision() -> None:
    saved = accepted("Bad.")
    edit = BAD.model_copy(update={"accepted_at": BAD.accepted_at + timedelta(seconds=1)})
    for post in (saved, edit):
        failure_isolation.dead_letter(Step.EXTRACT, post, DeadLetter.Reason.FAILED, "bad")
    failure_isolation.settle_dead_letters([saved, BAD])
    assert DeadLetter.objects.get().post_id == edit.post_id


@pytest.mark.parametrize("error", [RuntimeError("ours"), SystemExit(), KeyboardInterrupt()])
def test_an_exception_is_no_death_of_the_process(error: BaseException) -> None:
    """Such as an error of the database while the dead letter is written."""
    with pytest.raises(type(error)), count_crashes(Step.SAVE, ["p"]):
        raise error
    assert CrashCount.objects.get().starts == 0


def too_often(returns: int) -> None:
    """Process a message of the dead queue, whose posts have returned so often before."""
    payload = ExtractMessage(posts=tuple(POSTS)).payload()
    delivery = Delivery(payload, redelivered=True, too_often=True, returns=returns)
    failure_isolation.process_batch(Step.EXTRACT, [delivery], ExtractMessage, Effect())


@pytest.mark.usefixtures("empty_broker")
def test_posts_of_a_message_at_the_delivery_limit_come_again_alone() -> None:
    too_often(MAX_RETURNS - 1)
    assert not DeadLetter.objects.exists()
    assert redis_client().llen(EXTRACT) == len(POSTS)


@pytest.mark.usefixtures("empty_broker")
def test_a_post_that_comes_again_too_often_is_a_dead_letter() -> None:
    too_often(MAX_RETURNS)
    assert {row.reason for row in DeadLetter.objects.all()} == {"killed"}
    assert DeadLetter.objects.count() == len(POSTS)
    assert not redis_client().exists(EXTRACT)
