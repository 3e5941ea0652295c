"""
The gate of RabbitMQ: flag and leases in the database, what waits and is in work from the broker.

RabbitMQ tells how many messages of a queue are ready, but not in the same protocol how many are
unacknowledged; the workers tell that. A message that moves while both are asked, from one step to
the next or from the broker to a worker, is missed. So empty is what two readings found empty, with
a pause in which any delivery arrives, and between which no worker has begun anything.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.utils import timezone
from kombu import Producer

from ingest.broker.admission.base import (
    Backlog,
    IntakePaused,
    PauseOwner,
    QueueFull,
    low_watermark,
    queue_ages,
)
from ingest.broker.connection import BrokerUnavailable, unavailable_on_error
from ingest.broker.publish import DEAD_QUEUE, IN_PROGRESS_COMMAND, QUEUES
from ingest.models import InFlightRequest, IntakePause

LEASE_SECONDS = 60  # a lease of a process that died must end by itself; no request takes so long
ANSWER_SECONDS = 2  # for the workers to say what they have in hand
SETTLE_SECONDS = 0.2  # between two readings: no delivery is on its way for so long
POLL_SECONDS = 1  # between two looks of a web process at how much waits


class RabbitmqAdmission:
    """Flag and leases as rows: a request costs two small writes, however many posts it brings."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._looked_at = float("-inf")
        self._full = False

    @contextmanager
    def admit(self) -> Iterator[Producer]:
        name = uuid.uuid4().hex
        self._refuse_if_full()
        try:
            with _database():
                self._refuse_if_paused()
                ends = timezone.now() + timedelta(seconds=LEASE_SECONDS)
                InFlightRequest.objects.create(name=name, ends_at=ends)
                # Whoever closed the gate in between must see either the lease or this refusal.
                self._refuse_if_paused()
            with unavailable_on_error(), current_app.producer_or_acquire() as producer:
                yield producer
        finally:
            with suppress(DatabaseError):  # an answer that is due is worth more than a tidy table
                InFlightRequest.objects.filter(name=name).delete()

    def pause(self, by: PauseOwner) -> None:
        with _database():
            IntakePause.objects.get_or_create(owner=by)

    def resume(self, by: PauseOwner) -> None:
        with _database():
            IntakePause.objects.filter(owner=by).delete()

    def is_open(self) -> bool:
        with unavailable_on_error():
            _ready()  # an open gate in front of a broker that is away lets nobody through
        with _database():
            return not IntakePause.objects.exists()

    def backlog(self) -> Backlog:
        first, begun = self._read()
        if not first.empty:
            return first
        time.sleep(SETTLE_SECONDS)
        second, begun_since = self._read()
        moved = begun_since != begun
        return replace(second, in_work=max(second.in_work, 1)) if moved else second

    def _read(self) -> tuple[Backlog, int]:
        """Read once; return what was found, and how many messages the workers have begun so far."""
        with _database():
            writable = not IntakePause.objects.exists()
            leases = InFlightRequest.objects.filter(ends_at__gt=timezone.now()).count()
        with unavailable_on_error():
            waiting, workers = _ready()
            in_work, begun, taken = _in_progress(workers)
        oldest = queue_ages({queue: taken.get(queue) for queue in waiting if waiting[queue]})
        return Backlog(writable, waiting, in_work, leases, oldest), begun

    def _refuse_if_paused(self) -> None:
        if IntakePause.objects.exists():
            raise IntakePaused("no posts are taken in just now")

    def _refuse_if_full(self) -> None:
        """Look at the queues once a second at the most: a limit need not be met to the message."""
        limit = settings.QUEUE_LIMIT
        with self._looking:
            if time.monotonic() > self._looked_at + POLL_SECONDS:
                with unavailable_on_error():
                    waiting, _ = _ready()
                total = sum(waiting[queue] for queue in QUEUES)
                self._full = total >= limit or (self._full and total > low_watermark(limit))
                self._looked_at = time.monotonic()
        if self._full:
            raise QueueFull(f"{limit} messages wait already")


@contextmanager
def _database() -> Iterator[None]:
    """Without the database nobody can tell whether the gate is open: the client sends again."""
    try:
        yield
    except DatabaseError as error:
        close_old_connections()  # one that has died, so that a drain goes on with another
        raise BrokerUnavailable(f"the gate's database does not answer: {error}") from error


def _ready() -> tuple[dict[str, int], int | None]:
    """
    Return the messages that are ready on each queue, and how many workers take from them.

    A quorum queue that is too busy to answer RabbitMQ itself within 250 ms is said to have no
    message and no consumer. So only one that has a consumer is believed to be empty; of another
    a message is asked for, which only the queue can answer, and its consumers are not known.
    """
    waiting: dict[str, int] = {}
    workers: int | None = 0
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        for name in (*QUEUES, DEAD_QUEUE):
            # It may be that no worker has made the queue yet.
            current_app.amqp.queues[name].bind(channel).declare()
            _, waiting[name], consumers = channel.queue_declare(name, passive=True)
            if not consumers:
                waiting[name] = waiting[name] or _really_waiting(channel, name)
                workers = None
            elif name in QUEUES and workers is not None:
                workers += consumers
    return waiting, workers


def _really_waiting(channel: Any, queue: str) -> int:
    """Ask the queue itself, by taking a message and giving it back."""
    message = channel.basic_get(queue)
    if message is None:
        return 0
    channel.basic_reject(message.delivery_tag, requeue=True)
    return int(message.delivery_info["message_count"]) + 1


def _in_progress(workers: int | None) -> tuple[int, int, dict[str, float]]:
    """
    Ask the workers what they have in hand, and how many messages they have begun so far.

    One that does not answer may have something. Of an unknown number, those count that answer.
    The last is when the message was enqueued that any of them took last from each queue: what
    waits there was enqueued after it, so it has waited so long at the most.
    """
    answers = current_app.control.broadcast(
        IN_PROGRESS_COMMAND, reply=True, limit=workers, timeout=ANSWER_SECONDS
    )
    said = {name: all_ for answer in answers or () for name, all_ in answer.items()}
    silent = max(0, (workers or 0) - len(said))
    taken: dict[str, float] = {}
    for _, _, own in said.values():
        taken |= {queue: max(at, taken.get(queue, 0)) for queue, at in own.items()}
    return (
        sum(in_hand for in_hand, _, _ in said.values()) + silent,
        sum(begun for _, begun, _ in said.values()),
        taken,
    )
