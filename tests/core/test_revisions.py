"""A post's record is the same, in whatever order and however often its revisions arrive."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import permutations

from ingest.core.messages import PostEntities
from ingest.core.revisions import PostRecord, differences
from tests.support.factories import NOON, entity, with_entities


def at(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


def revision(hours: int, published_at: datetime | None = None) -> PostEntities:
    some = [entity(f"Name {hours}")]
    return with_entities("1", some, accepted_at=at(hours), published_at=published_at)


def arrive(events: Iterable[object]) -> PostRecord:
    """Let revisions and deletions arrive in this order."""

    def step(record: PostRecord, event: object) -> PostRecord:
        if isinstance(event, datetime):
            return record.deleted(event)
        assert isinstance(event, PostEntities)
        return record.with_revision(event)

    return reduce(step, events, PostRecord())


def day(events: Iterable[object]) -> date:
    """Return the day that the post counts for after these events."""
    post = arrive(events).post
    assert post is not None
    return post.day


def test_the_revision_accepted_last_wins_and_counts_for_the_first_ones_day() -> None:
    revisions = (revision(0), revision(20), revision(40))
    for order in permutations((*revisions, revisions[1])):
        post = arrive(order).post
        assert post is not None
        assert post.entities == revisions[2].entities
        assert post.day == NOON.date()


def test_a_revision_counts_for_the_day_it_was_published() -> None:
    for order in permutations((revision(0), revision(20), revision(40, published_at=at(-100)))):
        post = arrive(order).post
        assert post is not None
        assert post.day == at(-100).date()


def test_a_revision_without_a_date_keeps_the_day_that_the_post_had() -> None:
    dated, later = revision(0, published_at=at(-100)), revision(20, published_at=at(-200))
    for order in permutations((dated, revision(40))):
        assert day(order) == at(-100).date()
    for order in permutations((dated, later, revision(10), revision(40))):
        assert day(order) == at(-200).date()
    for order in permutations((revision(0), later, revision(40, published_at=at(-300)))):
        assert day(order) == at(-300).date()


def test_a_post_that_is_sent_again_after_its_deletion_loses_the_day_that_it_had() -> None:
    again = revision(40)
    for order in permutations((revision(0, published_at=at(-100)), at(30), again)):
        assert arrive(order) == PostRecord(again, at(30))


def test_a_reprocessed_post_keeps_a_day_that_a_later_revision_changes() -> None:
    saved = arrive((revision(0, published_at=at(-100)), revision(40))).post
    assert saved is not None
    reprocessed = saved.model_copy(update={"again_at": at(50)})
    for order in permutations((saved, reprocessed, revision(20, published_at=at(-200)))):
        assert day(order) == at(-200).date()


def test_a_deletion_ends_the_revisions_before_it_whenever_they_arrive() -> None:
    for order in permutations((revision(0), revision(20), at(30), at(10))):
        assert arrive(order) == PostRecord(None, at(30))


def test_a_post_sent_again_after_its_deletion_is_a_new_one() -> None:
    again = revision(40)
    for order in permutations((revision(0), revision(20), at(30), again)):
        assert arrive(order) == PostRecord(again, at(30))


def test_of_two_revisions_accepted_at_one_time_the_first_to_arrive_wins() -> None:
    one, other = with_entities("1", [entity("A")]), with_entities("1", [entity("B")])
    assert PostRecord(one).with_revision(other) == PostRecord(one)


def test_a_record_without_a_post_ignores_a_change() -> None:
    def refuse(post: PostEntities) -> PostEntities:
        raise AssertionError

    change: Callable[[PostEntities], PostEntities] = refuse
    assert PostRecord(None, NOON).changed(change) == PostRecord(None, NOON)


def test_an_unchanged_record_makes_no_difference() -> None:
    record = PostRecord(revision(0))
    ((_, counts),) = differences([(record, record)]).items()
    assert not counts
