"""
Where on the queues a post is, by reading them: for an operator, one post at a time.

Only the embedded broker can be read without taking anything. RabbitMQ shows no message without
delivering it, which counts against its limit, so there nobody looks.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery import current_app

from ingest.broker import BrokerUnavailable, broker_calls, redis_client
from ingest.gate.embedded import UNACKNOWLEDGED
from ingest.pipeline import ENQUEUED_AT, QUEUES

PAGE = 100  # messages, of up to 70 kB


@dataclass(frozen=True)
class Place:
    """A message with the post: on which queue, whether it waits, and since when it is there."""

    queue: str
    state: str
    enqueued_at: datetime | None
    request_id: str | None


def on_queues(post_id: str) -> Iterator[Place]:
    """
    Yield the places of a post; one that moves meanwhile may be seen twice, or not at all.

    Raises:
        BrokerUnavailable: it may be anywhere.
    """
    if current_app.conf.broker_url.startswith("amqp"):
        raise BrokerUnavailable("RabbitMQ shows no queue; accepted and nowhere else is on one")
    with broker_calls():
        for message in _in_hand():
            yield from _place(message, post_id, "in work")
        for queue in QUEUES:
            for message in _waiting(queue):
                yield from _place(message, post_id, "queued")


def _waiting(queue: str) -> Iterator[Any]:
    client: Any = redis_client()
    start = 0
    while page := client.lrange(queue, start, start + PAGE - 1):
        yield from map(json.loads, page)
        start += PAGE


def _in_hand() -> Iterator[Any]:
    """Yield what workers have taken: with each message kombu keeps where it came from."""
    client: Any = redis_client()
    for _, kept in client.hscan_iter(UNACKNOWLEDGED, count=PAGE):
        yield json.loads(kept)[0]


def _place(message: Any, post_id: str, state: str) -> Iterator[Place]:
    body = base64.b64decode(message["body"])
    if post_id.encode() not in body:
        return
    argument = json.loads(body)[0][0]
    posts = argument.get("posts", ()) if isinstance(argument, dict) else ()
    for post in posts:
        if post["post_id"] == post_id:
            at = message["headers"].get(ENQUEUED_AT)
            moment = datetime.fromtimestamp(at, UTC) if at else None
            queue = message["properties"]["delivery_info"]["routing_key"]
            yield Place(queue, state, moment, post.get("request_id"))
