"""
Inspecting the broker: the queue position of a post, and the workers that answer.

Only the embedded broker shows messages without delivering them. On RabbitMQ each look would count
against a message's delivery limit, so we do not search its queues.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery import current_app

from ingest.broker.admission.redis import UNACKED_KEY
from ingest.broker.connection import BrokerUnavailable, redis_client, unavailable_on_error
from ingest.broker.publish import ENQUEUED_AT, QUEUES, STATUS_COMMAND

PAGE_SIZE = 100  # messages of up to 70 kB


@dataclass(frozen=True)
class QueuePosition:
    """A message with the post: its queue, its state (queued or in progress), and its age."""

    queue: str
    state: str
    enqueued_at: datetime | None
    request_id: str | None


def find_on_queues(post_id: str) -> Iterator[QueuePosition]:
    """
    Yield the positions of a post; a post that moves meanwhile may show twice, or not at all.

    Raises:
        BrokerUnavailable: the queues cannot be read, so the post may be on any of them.
    """
    if current_app.conf.broker_url.startswith("amqp"):
        raise BrokerUnavailable(
            "RabbitMQ's queues cannot be searched: an accepted post found nowhere else is on one"
        )
    with unavailable_on_error():
        for message in _in_progress():
            yield from _positions(message, post_id, "in progress")
        for queue in QUEUES:
            for message in _waiting(queue):
                yield from _positions(message, post_id, "queued")


def _waiting(queue: str) -> Iterator[Any]:
    client: Any = redis_client()
    start = 0
    while page := client.lrange(queue, start, start + PAGE_SIZE - 1):
        for entry in page:
            with suppress(ValueError):  # any program may put anything on a queue
                yield json.loads(entry)
        start += PAGE_SIZE


def _in_progress() -> Iterator[Any]:
    """Yield the messages in progress; kombu's entry is a message, its exchange and its queue."""
    client: Any = redis_client()
    for _, entry in client.hscan_iter(UNACKED_KEY, count=PAGE_SIZE):
        yield json.loads(entry)[0]


def _positions(message: Any, post_id: str, state: str) -> Iterator[QueuePosition]:
    """Yield the positions of a post in a message; one that is not ours has none."""
    with suppress(KeyError, TypeError, ValueError):
        body = base64.b64decode(message["body"])
        if post_id.encode() not in body:
            return
        for post in json.loads(body)[0][0]["posts"]:
            if post["post_id"] == post_id:
                timestamp = message["headers"].get(ENQUEUED_AT)
                enqueued_at = datetime.fromtimestamp(timestamp, UTC) if timestamp else None
                queue = message["properties"]["delivery_info"]["routing_key"]
                yield QueuePosition(queue, state, enqueued_at, post.get("request_id"))


ANSWER_SECONDS = 1.0


@dataclass(frozen=True)
class WorkerStatus:
    """A worker: its queues, its messages in progress, and its posts of the last minute."""

    name: str
    queues: tuple[str, ...]
    in_progress: int
    posts: int


def list_workers() -> list[WorkerStatus]:
    """
    Return the workers that answer within ANSWER_SECONDS, sorted by name.

    The number of workers is not known, so the call always takes that long.

    Raises:
        BrokerUnavailable: the broker passes no question on.
    """
    with unavailable_on_error():
        answers = current_app.control.broadcast(STATUS_COMMAND, reply=True, timeout=ANSWER_SECONDS)
    statuses = {name: status for answer in answers or () for name, status in answer.items()}
    return [
        WorkerStatus(name, tuple(queues), in_progress, posts)
        for name, (queues, in_progress, posts) in sorted(statuses.items())
    ]
