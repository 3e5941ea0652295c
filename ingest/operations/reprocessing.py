"""Send saved posts through the model again, as the revision that is saved."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.core.messages import AcceptedPost, PostEntities
from ingest.models import PatternSet, ReprocessCancellation
from ingest.operations.rule_versions import REFRESH_SECONDS, RefreshingValue
from ingest.store import open_store

PAGE_SIZE = 200  # posts

PostFilter = Callable[[PostEntities], bool]


def await_patterns() -> None:
    """Wait until every worker has read the newest patterns."""
    newest = PatternSet.objects.first()
    if newest:
        known_at = newest.made_at + timedelta(seconds=REFRESH_SECONDS + 1)
        time.sleep(max(0.0, (known_at - datetime.now(UTC)).total_seconds()))


def pages(publication: str, is_wanted: PostFilter) -> Iterator[list[PostEntities]]:
    """Yield a publication's saved posts that pass a filter, page by page."""
    after: str | None = None
    while page := open_store().posts(publication, limit=PAGE_SIZE, after=after):
        yield [post for post in page if is_wanted(post)]
        after = page[-1].post_id


def send_again(posts: Sequence[PostEntities]) -> int:
    """
    Enqueue the saved posts that have a text, and return how many.

    The new entities replace the old ones, unless a client edits the post meanwhile.

    Raises:
        IntakePaused, BrokerUnavailable: some posts may be enqueued. The same call may be repeated,
            since no post counts twice.
    """
    now = datetime.now(UTC)
    again = [_accepted(post, now) for post in posts if post.content]
    if again:
        with get_admission().admit(publish.priorities(again)) as producer:
            publish.enqueue(again, through=producer)
    return len(again)


def cancel() -> None:
    """Cancel every reprocess until now; the saved posts stay as they are."""
    ReprocessCancellation.objects.create()
    cancelled_until.expire()


def is_cancelled(post: AcceptedPost) -> bool:
    """Return whether a post was sent again by a reprocess that is cancelled."""
    return post.again_at is not None and post.again_at <= cancelled_until.value()


def _cancelled_until(_: datetime | None) -> datetime:
    newest = ReprocessCancellation.objects.order_by("-at").first()
    return newest.at if newest else datetime.min.replace(tzinfo=UTC)


cancelled_until = RefreshingValue(_cancelled_until)


def _accepted(post: PostEntities, now: datetime) -> AcceptedPost:
    fields = {name: getattr(post, name) for name in AcceptedPost.model_fields}
    return AcceptedPost(**{**fields, "again_at": now, "priority": "bulk"})
