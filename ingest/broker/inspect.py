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

from ingest.broker.admission.redis import UNACKED_KEY
from ingest.broker.connection import BrokerUnavailable, redis_client, unavailable_on_error
from ingest.broker.publish import ENQUEUED_AT, QUEUES, STATUS_COMMAND

PAGE_SIZE = 100  # messages, of up to 70 kB


@dataclass(frozen=True)
class QueuePosition:
    """A message with the post: on which queue, whether it waits, and since when it is there."""

    queue: str
    state: str
    enqueued_at: datetime | None
    request_id: str | None


def find_on_queues(post_id: str) -> Iterator[QueuePosition]:
    """
    Yield the places of a post; one that moves meanwhile may be seen twice, or not at all.

    Raises:
        BrokerUnavailable: it may be anywhere.
    """
    if current_app.conf.broker_url.startswith("amqp"):
        raise BrokerUnavailable("RabbitMQ shows no queue; accepted and nowhere else is on one")
    with unavailable_on_error():
        for message in _in_progress():
            yield from _positions(message, post_id, "in work")
        for queue in QUEUES:
            for message in _waiting(queue):
                yield from _positions(message, post_id, "queued")


def _waiting(queue: str) -> Iterator[Any]:
    client: Any = redis_client()
    start = 0
    while page := client.lrange(queue, start, start + PAGE_SIZE - 1):
        yield from map(json.loads, page)
        start += PAGE_SIZE


def _in_progress() -> Iterator[Any]:
    """Yield what workers have taken: with each message kombu keeps where it came from."""
    client: Any = redis_client()
    for _, kept in client.hscan_iter(UNACKED_KEY, count=PAGE_SIZE):
        yield json.loads(kept)[0]


def _positions(message: Any, post_id: str, state: str) -> Iterator[QueuePosition]:
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
            yield QueuePosition(queue, state, moment, post.get("request_id"))


ANSWER_SECONDS = 1.0


@dataclass(frozen=True)
class WorkerStatus:
    """A worker that answers: its queues, the messages it has in hand, its posts of a minute."""

    name: str
    queues: tuple[str, ...]
    in_hand: int
    posts: int


def list_workers() -> list[WorkerStatus]:
    """
    Return the workers that answer in time, by name.

    Nobody knows how many there ought to be, so it always takes as long as that.

    Raises:
        BrokerUnavailable: nobody can be asked.
    """
    with unavailable_on_error():
        answers = current_app.control.broadcast(STATUS_COMMAND, reply=True, timeout=ANSWER_SECONDS)
    said = {name: words for answer in answers or () for name, words in answer.items()}
    return [
        WorkerStatus(name, tuple(queues), in_hand, posts)
        for name, (queues, in_hand, posts) in sorted(said.items())
    ]
