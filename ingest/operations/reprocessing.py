"""How saved posts go through the model once more: as the revision they are, looked at again."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.core.messages import AcceptedPost, PostEntities
from ingest.models import PatternSet
from ingest.operations.rule_versions import REFRESH_SECONDS
from ingest.store import open_store

PAGE_SIZE = 200  # posts

Wanted = Callable[[PostEntities], bool]


def await_patterns() -> None:
    """Wait until every worker has asked for the newest patterns."""
    newest = PatternSet.objects.first()
    if newest:
        known = newest.made_at + timedelta(seconds=REFRESH_SECONDS + 1)
        time.sleep(max(0.0, (known - datetime.now(UTC)).total_seconds()))


def pages(publication: str, wanted: Wanted) -> Iterator[list[PostEntities]]:
    """Yield those of a publication's saved posts that are wanted, page by page."""
    after: str | None = None
    while page := open_store().posts(publication, limit=PAGE_SIZE, after=after):
        yield [post for post in page if wanted(post)]
        after = page[-1].post_id


def send_again(posts: Sequence[PostEntities]) -> int:
    """
    Put saved posts on the way to the model, and return how many; those without text stay behind.

    What is found then takes the place of what was found, if the post was not edited meanwhile.

    Raises:
        IntakePaused, BrokerUnavailable: some may be on the way; sent again, none counts twice.
    """
    now = datetime.now(UTC)
    again = [_accepted(post, now) for post in posts if post.content]
    if again:
        with get_admission().admit() as producer:
            publish.enqueue(again, through=producer)
    return len(again)


def _accepted(post: PostEntities, now: datetime) -> AcceptedPost:
    fields = {name: getattr(post, name) for name in AcceptedPost.model_fields}
    return AcceptedPost(**{**fields, "again_at": now})
