"""
Batching: one task takes many messages of its queue and processes them together.

A task that starts takes further waiting messages of its queue as one batch. It acknowledges them
when the effect is durable, and any interruption requeues them. With an empty queue, the batch has
one message and starts at once. A step may wait for more messages, but only while the queue before
it has some. Live and bulk posts have queues of their own, so no batch mixes them. A batch of bulk
posts ends its wait when a live post comes.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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
from ingest.broker.message_reader import UnreadableMessage, as_json, read_message
from ingest.broker.publish import BULK_QUEUES, DEAD_QUEUE, ENQUEUED_AT, RETURNS, step_queue
from ingest.observability import metrics
from ingest.process import shutdown
from ingest.process.once import once
from ingest.worker import live_messages

logger = get_logger()

# The cost of a post besides its text. It limits batches of very short posts.
POST_CHARACTERS = 500

# The pause after a failed batch, so that a fault does not cause a storm of redeliveries.
PAUSE_SECONDS = 1

# The pause between two attempts to take more messages.
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Delivery:
    """
    One delivered message: its payload, and whether it was delivered before, or too often.

    Args:
        enqueued_at: in seconds since 1970; None for a message of an older version.
        returns: how often the message reached the broker's delivery limit before.
        queue: where the message was taken from.
        problem: why the message is unreadable; its payload is then the message as JSON.
    """

    payload: Any
    redelivered: bool
    too_often: bool = False
    enqueued_at: float | None = None
    returns: int = 0
    problem: str = ""
    queue: str = ""


@contextmanager
def take_batch(
    task: "Task[Any, Any]",
    payload: Any,
    *,
    characters: int,
    bulk_characters: int | None = None,
    source: str | None = None,
    patience: float = 0,
) -> Iterator[list[Delivery]]:
    """
    Take waiting messages until the batch has `characters` characters, and yield the batch.

    The end of the block acknowledges them. Any exception in the block requeues all of them, also
    the task's own message.

    Args:
        task: the task whose message was delivered.
        payload: the payload of that message.
        characters: the size at which the batch is full.
        bulk_characters: that of a batch of bulk posts, since a live post waits for its end.
        source: the queue of the step before; the task waits for more while it has messages of
            the same priority.
        patience: the longest such wait, in seconds.
    """
    info = task.request.delivery_info or {}
    queue = str(info["routing_key"])
    returns = getattr(task.request, RETURNS, None) or 0
    first = Delivery(
        payload,
        bool(info.get("redelivered") or returns),
        too_often=queue == DEAD_QUEUE,
        enqueued_at=getattr(task.request, ENQUEUED_AT, None),
        returns=returns,
        queue=queue,
    )
    if queue != step_queue(queue):
        characters = bulk_characters or characters
    deliveries = [first]
    taken: list[BrokerMessage] = []
    try:
        with unavailable_on_error():
            # The dead queue has messages of both tasks, so each of its batches has one message.
            size = characters if first.too_often else _characters(first)
            began = time.monotonic()
            while size < characters:
                found = _waiting(queue, characters - size)
                read = [(message, _delivery(message, task.name, queue)) for message in found]
                taken += [message for message, delivery in read if delivery]
                deliveries += (more := [delivery for _, delivery in read if delivery])
                size += sum(map(_characters, more))
                if len(more) < len(found):
                    _requeue(message for message, delivery in read if not delivery)
                    break
                if not found and not _wait_for_more(queue, source, began, patience):
                    break
        _record(queue, deliveries)
        with _extend_visibility(taken):
            yield deliveries
        with unavailable_on_error():
            _acknowledge(taken)
    except BaseException as error:
        logger.warning("batch requeued", messages=len(deliveries), error=type(error).__name__)
        _give_back(taken, channel_lost=isinstance(error, BrokerUnavailable))
        shutdown.wait(PAUSE_SECONDS)
        raise Reject(str(error), requeue=True) from error


def _record(queue: str, deliveries: Sequence[Delivery]) -> None:
    again = sum(delivery.redelivered for delivery in deliveries)
    logger.debug("batch taken", queue=queue, messages=len(deliveries))
    metrics.BATCH_MESSAGES.labels(queue).observe(len(deliveries))
    if again:
        logger.info("delivered again", queue=queue, messages=len(deliveries), again=again)
        metrics.REDELIVERED.labels(queue).inc(again)
    now = time.time()
    waits = metrics.WAIT_SECONDS.labels(queue)
    for delivery in deliveries:
        if delivery.enqueued_at:
            waits.observe(max(0.0, now - delivery.enqueued_at))


def _delivery(message: BrokerMessage, task: str, queue: str) -> Delivery | None:
    """Return what a taken message holds; None for a message of another task."""
    redelivered = bool((message.delivery_info or {}).get("redelivered"))
    try:
        call = read_message(message)
    except UnreadableMessage as problem:
        return Delivery(as_json(message), redelivered, problem=str(problem), queue=queue)
    if call.task != task:
        return None
    return Delivery(
        call.argument,
        redelivered or call.returns > 0,
        enqueued_at=call.enqueued_at,
        returns=call.returns,
        queue=queue,
    )


def _characters(delivery: Delivery) -> int:
    """Return the size of a payload in characters; that of one short post if it has no posts."""
    try:
        return sum(POST_CHARACTERS + len(post["content"]) for post in delivery.payload["posts"])
    except (KeyError, TypeError):
        return POST_CHARACTERS


def _waiting(queue: str, characters: int) -> list[BrokerMessage]:
    """Take waiting messages of about `characters` characters; on RabbitMQ, one at most."""
    channel: Any = _connection().default_channel
    if isinstance(channel, redis_transport.Channel):
        return channel.get_many(queue, characters=characters)
    raw = channel.basic_get(queue)  # kombu's `get` would raise if the body cannot be unpacked
    return [] if raw is None else [channel.message_to_python(raw)]


def _acknowledge(taken: Sequence[BrokerMessage]) -> None:
    channel = taken[-1].channel if taken else None
    if isinstance(channel, redis_transport.Channel):
        channel.ack_many(taken)
        return
    for message in taken:  # RabbitMQ needs no round trip for it
        message.ack()


def _requeue(messages: Iterable[BrokerMessage]) -> None:
    for message in messages:
        message.requeue()


def _wait_for_more(queue: str, source: str | None, began: float, patience: float) -> bool:
    """Wait POLL_SECONDS if the source has messages; return False if more waiting is useless."""
    if source is None or time.monotonic() >= began + patience:
        return False
    live = step_queue(queue)
    if queue != live:
        source = BULK_QUEUES[source]
        if _has_messages(live) or live_messages.received_since(began):
            return False
    return _has_messages(source) and not shutdown.wait(POLL_SECONDS)


def _has_messages(queue: str) -> bool:
    channel: Any = _connection().default_channel
    try:
        return bool(channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:  # the embedded broker has no empty queues, so kombu does not find it
        return False


@contextmanager
def _extend_visibility(taken: Sequence[BrokerMessage]) -> Iterator[None]:
    """Extend the visibility timeout of the taken messages until the end of the block."""
    channel = taken[-1].channel if taken else None
    if not isinstance(channel, redis_transport.Channel):  # RabbitMQ redelivers at a disconnect
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


@once
def _connection() -> Connection:
    """Open this process's own connection; a child must not use its parent's."""
    return current_app.connection_for_read()


def _give_back(taken: Sequence[BrokerMessage], *, channel_lost: bool) -> None:
    """
    Requeue messages; the broker requeues those of a lost channel by itself.

    This raises nothing: any exception but Reject would acknowledge the task's own message.
    """
    if not channel_lost:
        try:
            _requeue(taken)
            return
        except Exception:
            logger.warning("the channel of the batch is lost", exc_info=True)
    # The connection must really close. Otherwise its messages stay unacknowledged without a worker.
    with suppress(Exception):
        _connection().collect()
    _connection.forget()
