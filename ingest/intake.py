"""Whether posts may come in now, and what accepting them means: they are on the durable queue."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from structlog import get_logger

from ingest import metrics, pipeline, tracing
from ingest.broker import BrokerUnavailable
from ingest.gate import GateClosed, QueueFull, the_gate
from ingest.messages import AcceptedPost
from ingest.posts import Post
from ingest.story import request_id, tell

logger = get_logger()


def accept(posts: Sequence[Post]) -> list[AcceptedPost]:
    """
    Enqueue posts, and return them with their ids, in their order.

    Raises:
        GateClosed: nothing was enqueued.
        BrokerUnavailable: some may have been; sending all of them again counts none twice.
    """
    with tracing.span("accept", posts=len(posts)):
        accepted = _accepted(posts)
        with _counted(len(posts)), the_gate().passage() as producer:
            pipeline.enqueue(accepted, through=producer)
    tell(logger, "accepted", accepted)
    return accepted


def _accepted(posts: Sequence[Post]) -> list[AcceptedPost]:
    now = datetime.now(UTC)
    origin = {"request_id": request_id(), "traceparent": tracing.current()}
    return [
        # Of two revisions of a post in one request the second is the later one.
        AcceptedPost.from_post(post, accepted_at=now + timedelta(microseconds=place), **origin)
        for place, post in enumerate(posts)
    ]


@contextmanager
def _counted(posts: int) -> Iterator[None]:
    """Count what becomes of posts, and measure how long it takes to accept them."""
    try:
        with metrics.step("accept", posts):
            yield
    except (GateClosed, BrokerUnavailable) as error:
        metrics.REFUSED.labels(_reason(error)).inc(posts)
        logger.warning("refused", reason=_reason(error), refused=posts)
        raise
    metrics.ACCEPTED.inc(posts)


def _reason(error: GateClosed | BrokerUnavailable) -> str:
    if isinstance(error, QueueFull):
        return "full"
    return "closed" if isinstance(error, GateClosed) else "broker"
