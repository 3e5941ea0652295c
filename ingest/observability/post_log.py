"""
How the log tells the story of a post: one line for what happened to a batch, with all its ids.

Whoever looks for the id of a post, or of the request that brought it, finds each step of it. A
line for each post would cost more than its step, and a line of thousands of ids would not come out
of a pipe whole that several processes write to; so a large batch takes more than one.
"""

from collections.abc import Iterable, Iterator

from structlog.contextvars import get_contextvars
from structlog.typing import FilteringBoundLogger

from ingest.core.messages import AcceptedPost

# A pipe keeps 4,096 bytes together; the rest of a line needs some of them.
MAX_LINE_BYTES = 3000
ID_BYTES = 40
# The name under which a request's id stands in each line that is written while it is answered.
REQUEST_ID = "request_id"

Ids = dict[str, list[str]]  # of posts, by the id of the request that brought them


def request_id() -> str | None:
    """Return the id of the request that is being answered."""
    own: str | None = get_contextvars().get(REQUEST_ID)
    return own


def log_posts(logger: FilteringBoundLogger, event: str, posts: Iterable[AcceptedPost]) -> None:
    """Write down what happened to posts."""
    for ids in chunk_ids(posts):
        logger.info(event, posts=ids)


def chunk_ids(posts: Iterable[AcceptedPost]) -> Iterator[Ids]:
    """Yield the ids of posts, as many at a time as a line can hold."""
    ids: Ids = {}
    size = 0
    for post in posts:
        request = post.request_id or "-"
        own = ID_BYTES if request in ids else ID_BYTES + len(request)
        if size + own > MAX_LINE_BYTES:
            yield ids
            ids, size = {}, 0
        ids.setdefault(request, []).append(post.post_id)
        size += own
    if ids:
        yield ids
