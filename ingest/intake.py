"""Whether posts may come in now, and what accepting them means: they are on the durable queue."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ingest import pipeline
from ingest.gate import the_gate
from ingest.messages import AcceptedPost
from ingest.posts import Post


def accept(posts: Sequence[Post]) -> list[AcceptedPost]:
    """
    Enqueue posts, and return them with their ids, in their order.

    Raises:
        GateClosed: nothing was enqueued.
        BrokerUnavailable: some may have been; sending all of them again counts none twice.
    """
    now = datetime.now(UTC)
    accepted = [
        # Of two revisions of a post in one request the second is the later one.
        AcceptedPost.from_post(post, accepted_at=now + timedelta(microseconds=place))
        for place, post in enumerate(posts)
    ]
    with the_gate().passage() as producer:
        pipeline.enqueue(accepted, through=producer)
    return accepted
