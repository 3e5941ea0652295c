"""
Log lines about posts: one line per batch and step, with the ids of all its posts.

A search for a post id or a request id finds each step of the post. A line per post would cost
more than the step itself. A large batch takes several lines: a pipe that several processes write
to keeps only short lines whole.
"""

from collections.abc import Iterable, Iterator

from structlog.contextvars import get_contextvars
from structlog.typing import FilteringBoundLogger

from ingest.core.messages import AcceptedPost

# A pipe keeps 4,096 bytes together, and the other fields of a line need some of them.
MAX_LINE_BYTES = 3000
ID_BYTES = 40
# The log field with the request's id, in each line written during the request.
REQUEST_ID = "request_id"

Ids = dict[str, list[str]]  # post ids by request id


def request_id() -> str | None:
    """Return the id of the current request."""
    current: str | None = get_contextvars().get(REQUEST_ID)
    return current


def log_posts(logger: FilteringBoundLogger, event: str, posts: Iterable[AcceptedPost]) -> None:
    """Log an event with the ids of its posts."""
    for ids in chunk_ids(posts):
        logger.info(event, posts=ids)


def chunk_ids(posts: Iterable[AcceptedPost]) -> Iterator[Ids]:
    """Yield the ids of posts in chunks, each of them short enough for one line."""
    ids: Ids = {}
    size = 0
    for post in posts:
        request = post.request_id or "-"
        added = ID_BYTES if request in ids else ID_BYTES + len(request)
        if size + added > MAX_LINE_BYTES:
            yield ids
            ids, size = {}, 0
        ids.setdefault(request, []).append(post.post_id)
        size += added
    if ids:
        yield ids
