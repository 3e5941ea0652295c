"""
Taking more of one's own queue: one effect for many messages.

A task that starts takes further messages that wait on its queue, and works on all of them as one
batch. They are acknowledged when the effect is durable; whatever interrupts that gives them back.
Nothing waits: a batch of one, at once. A backlog: full batches. A step may wait a while for more,
but only as long as posts wait before it, where waiting delays nobody.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from amqp.exceptions import ChannelError
from celery import Task, current_app
from celery.exceptions import Reject
from django.conf import settings
from kombu import Connection
from kombu.message import Message as BrokerMessage
from structlog import get_logger

from ingest.broker import redis_transport
from ingest.broker.connection import BrokerUnavailable, unavailable_on_error
from ingest.broker.publish import DEAD_QUEUE, ENQUEUED_AT
from ingest.observability import metrics
from ingest.process import shutdown

logger = get_logger()

# What a post costs besides its text, so that a batch of very short ones has an end too.
POST_CHARACTERS = 500

# What could not be done now is tried again after this, so that a fault does not become a storm.
PAUSE_SECONDS = 1  # seconds

# Between two looks for more.
POLL_SECONDS = 0.1  # seconds


@dataclass(frozen=True)
class Delivery:
    """
    The payload of one message, whether it was delivered before, or too often.

    And when it was enqueued, in seconds since 1970, unless an older version did that.
    """

    payload: Any
    redelivered: bool
    too_often: bool = False
    enqueued_at: float | None = None


@contextmanager
def take_batch(
    task: "Task[Any, Any]",
    payload: Any,
    *,
    characters: int,
    source: str | None = None,
    patience: float = 0,
) -> Iterator[list[Delivery]]:
    """
    Take waiting messages until the posts in hand hold so many characters, and settle them all.

    The block's end acknowledges them; an exception in it gives all of them back to the queue,
    the task's own included, whatever it was.

    Args:
        task: the one whose message was delivered.
        payload: of that message.
        characters: at which the batch is full.
        source: the queue whose posts come here next; while any wait there, more are waited for.
        patience: seconds that this lasts at the most.
    """
    info = task.request.delivery_info or {}
    queue = str(info["routing_key"])
    own = Delivery(
        payload,
        bool(info.get("redelivered")),
        too_often=queue == DEAD_QUEUE,
        enqueued_at=getattr(task.request, ENQUEUED_AT, None),
    )
    deliveries = [own]
    taken: list[BrokerMessage] = []
    try:
        with unavailable_on_error():
            # What was delivered too often is not brought together: it may be of either task.
            size = characters if own.too_often else _characters(own)
            deadline = time.monotonic() + patience
            while size < characters:
                found = _waiting(queue, characters - size)
                taken += (more := [m for m in found if m.headers["task"] == task.name])
                deliveries += (posts := [_delivery(message) for message in more])
                size += sum(map(_characters, posts))
                if len(more) < len(found):
                    _requeue(m for m in found if m not in more)
                    break
                if not found and not _more_may_come(source, deadline):
                    break
        _record(queue, deliveries)
        with _extend_visibility(taken):
            yield deliveries
        with unavailable_on_error():
            _acknowledge(taken)
    except BaseException as error:
        logger.warning("given back", messages=len(deliveries), error=type(error).__name__)
        _give_back(taken, channel_lost=isinstance(error, BrokerUnavailable))
        shutdown.wait(PAUSE_SECONDS)
        raise Reject(str(error), requeue=True) from error


def _record(queue: str, deliveries: Sequence[Delivery]) -> None:
    again = sum(delivery.redelivered for delivery in deliveries)
    logger.debug("gathered", queue=queue, messages=len(deliveries))
    metrics.BATCH_MESSAGES.labels(queue).observe(len(deliveries))
    if again:
        logger.info("delivered again", queue=queue, messages=len(deliveries), again=again)
        metrics.REDELIVERED.labels(queue).inc(again)
    now = time.time()
    waits = metrics.WAIT_SECONDS.labels(queue)
    for delivery in deliveries:
        if delivery.enqueued_at:
            waits.observe(max(0.0, now - delivery.enqueued_at))


def _delivery(message: BrokerMessage) -> Delivery:
    (payload,), _, _ = message.payload
    headers: dict[str, Any] = message.headers
    redelivered = bool(message.delivery_info.get("redelivered"))
    return Delivery(payload, redelivered, enqueued_at=headers.get(ENQUEUED_AT))


def _characters(delivery: Delivery) -> int:
    """Return how much a payload holds; one that is no message of ours holds nothing."""
    try:
        return sum(POST_CHARACTERS + len(post["content"]) for post in delivery.payload["posts"])
    except (KeyError, TypeError):
        return 0


def _waiting(queue: str, characters: int) -> list[BrokerMessage]:
    """Take one or more messages that wait, if any does, of about so many characters."""
    channel = _connection().default_channel
    if isinstance(channel, redis_transport.Channel):
        return channel.get_many(queue, characters=characters)
    message = current_app.amqp.queues[queue].bind(channel).get(no_ack=False)
    return [] if message is None else [message]


def _acknowledge(taken: Sequence[BrokerMessage]) -> None:
    channel = taken[-1].channel if taken else None
    if isinstance(channel, redis_transport.Channel):
        channel.ack_many(taken)
        return
    for message in taken:  # RabbitMQ is not waited for
        message.ack()


def _requeue(messages: Iterable[BrokerMessage]) -> None:
    for message in messages:
        message.requeue()


def _more_may_come(source: str | None, deadline: float) -> bool:
    """Wait a moment, if that is worth it, and return whether it was."""
    if source is None or time.monotonic() >= deadline:
        return False
    channel: Any = _connection().default_channel
    try:
        waiting = channel.queue_declare(source, passive=True).message_count
    except ChannelError:  # the embedded broker keeps no empty queue, so kombu finds none
        return False
    return bool(waiting) and not shutdown.wait(POLL_SECONDS)


@contextmanager
def _extend_visibility(taken: Sequence[BrokerMessage]) -> Iterator[None]:
    """Keep what was taken from being delivered again, however long the work on it lasts."""
    channel = taken[-1].channel if taken else None
    if not isinstance(channel, redis_transport.Channel):  # RabbitMQ sees whether we live
        yield
        return
    done = threading.Event()

    def renew() -> None:
        while not done.wait(settings.VISIBILITY_SECONDS / redis_transport.RENEWALS):
            with suppress(BrokerUnavailable), unavailable_on_error():
                channel.extend_visibility()

    threading.Thread(target=renew, daemon=True).start()
    try:
        yield
    finally:
        done.set()


@cache
def _connection() -> Connection:
    """Open this process's own connection: in the child, since the parent's is the parent's."""
    return current_app.connection_for_read()


def _give_back(taken: Sequence[BrokerMessage], *, channel_lost: bool) -> None:
    """
    Return messages to the queue; those of a channel that is lost come back by themselves.

    Nothing leaves here: any exception but Reject would acknowledge the task's own message.
    """
    if not channel_lost:
        try:
            _requeue(taken)
            return
        except Exception:
            logger.warning("the channel of the gathered messages is lost", exc_info=True)
    # It must really close: what it still holds would be in nobody's hands, and on no queue.
    with suppress(Exception):
        _connection().collect()
    _connection.cache_clear()
