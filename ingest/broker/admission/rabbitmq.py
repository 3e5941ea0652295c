"""
Admission control with RabbitMQ: pauses and requests in flight are rows of the database.

RabbitMQ reports the ready messages of a queue, but not the unacknowledged ones over AMQP. The
workers report those. A reading misses a message that moves meanwhile, to the next step or to a
worker. So the pipeline is empty if two readings find it empty. Between them lies a delay in which
any delivery arrives, and no worker has started a message.
"""

import threading
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from celery import current_app
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.utils import timezone
from kombu import Producer

from ingest.broker.admission.base import (
    LIVE,
    Backlog,
    IntakePaused,
    PauseOwner,
    QueueFull,
    low_watermark,
    queue_ages,
)
from ingest.broker.connection import (
    CONNECTION_ERRORS,
    BrokerUnavailable,
    drop_connection,
    unavailable_on_error,
)
from ingest.broker.publish import (
    DEAD_QUEUE,
    IN_PROGRESS_COMMAND,
    LIVE_QUEUES,
    NOTIFY,
    PRIORITY_QUEUES,
    QUEUES,
)
from ingest.core.posts import Priority
from ingest.models import InFlightRequest, IntakePause

REQUEST_SECONDS = 60  # a dead process's row ends after this; a live one renews its rows
RENEWALS = 4  # in REQUEST_SECONDS
ANSWER_SECONDS = 2  # for the workers to report their messages in progress
DELIVERY_SECONDS = 0.2  # between two readings; no delivery takes so long
PROBE_SECONDS = 1  # for RabbitMQ to confirm a message for no queue
NO_QUEUE = "ingest.no-queue"  # RabbitMQ drops what is published with this routing key
POLL_SECONDS = 1  # between two checks of the queues' limit by one web process


class RabbitmqAdmission:
    """Admission control in rows: a request costs two small writes, however many posts it brings."""

    def __init__(self) -> None:
        self._check_lock = threading.Lock()
        self._checked_at = float("-inf")
        self._full: set[Priority] = set()
        self._problem = ""
        self._in_flight: set[str] = set()
        self._renewing = threading.Lock()

    @contextmanager
    def admit(self, priorities: Collection[Priority] = LIVE) -> Iterator[Producer]:
        name = uuid.uuid4().hex
        self._refuse_if_full(priorities)
        try:
            with _database():
                self._refuse_if_paused()
                InFlightRequest.objects.create(name=name, ends_at=_lease_end())
                self._in_flight.add(name)
                self._start_renewing()
                # Check again: a pause since the first check may not have seen the row.
                self._refuse_if_paused()
            with unavailable_on_error(), current_app.producer_or_acquire() as producer:
                yield producer
        finally:
            self._in_flight.discard(name)
            with suppress(DatabaseError):  # the row expires, so the request must not fail
                InFlightRequest.objects.filter(name=name).delete()

    def _start_renewing(self) -> None:
        """Start the thread that renews the rows of this process's requests, if none runs."""
        if self._renewing.acquire(blocking=False):
            threading.Thread(target=self._renew, daemon=True).start()

    def _renew(self) -> None:
        """Renew the rows of long requests, a few times before they would expire."""
        try:
            while self._in_flight:
                time.sleep(REQUEST_SECONDS / RENEWALS)
                with suppress(DatabaseError):  # the next round may find the database again
                    InFlightRequest.objects.filter(name__in=list(self._in_flight)).update(
                        ends_at=_lease_end()
                    )
        finally:
            connection.close()  # the thread's own
            self._renewing.release()
        if self._in_flight:  # a request came since the last look
            self._start_renewing()

    def pause(self, by: PauseOwner) -> None:
        with _database():
            IntakePause.objects.get_or_create(owner=by)

    def resume(self, by: PauseOwner) -> None:
        with _database():
            IntakePause.objects.filter(owner=by).delete()

    def paused_by(self) -> set[PauseOwner]:
        with _database():
            return cast(set[PauseOwner], set(IntakePause.objects.values_list("owner", flat=True)))

    def is_writable(self) -> bool:
        with unavailable_on_error():
            _publish_nothing()
        with _database():
            return not IntakePause.objects.exists()

    def backlog(self) -> Backlog:
        first, started = self._read()
        if not first.empty:
            return first
        time.sleep(DELIVERY_SECONDS)
        second, started_since = self._read()
        moved = started_since != started
        return replace(second, in_progress=max(second.in_progress, 1)) if moved else second

    def _read(self) -> tuple[Backlog, int]:
        """Read once; return the backlog, and the number of messages the workers have started."""
        with _database():
            writable = not IntakePause.objects.exists()
            in_flight = InFlightRequest.objects.filter(ends_at__gt=timezone.now()).count()
        with unavailable_on_error():
            waiting, workers = _ready()
            blocked = _is_blocked()
            # A blocked broker passes no question on to the workers, so the pipeline is not empty.
            in_progress, started, taken = (1, 0, {}) if blocked else _in_progress(workers)
        oldest = queue_ages({queue: taken.get(queue) for queue in waiting if waiting[queue]})
        return Backlog(writable, waiting, in_progress, in_flight, oldest, blocked), started

    def _refuse_if_paused(self) -> None:
        if IntakePause.objects.exists():
            raise IntakePaused("the intake is paused")

    def _refuse_if_full(self, priorities: Collection[Priority]) -> None:
        """
        Refuse a request by the last check of the queues, which is about POLL_SECONDS old.

        One thread checks, and no other waits for it: a frozen broker answers late.
        """
        if self._check_lock.acquire(blocking=False):
            try:
                if time.monotonic() > self._checked_at + POLL_SECONDS:
                    self._check()
            finally:
                self._check_lock.release()
        if self._problem:
            raise BrokerUnavailable(self._problem)
        for priority in self._full.intersection(priorities):
            raise QueueFull(priority, settings.QUEUE_LIMIT)

    def _check(self) -> None:
        limit, began = settings.QUEUE_LIMIT, time.monotonic()
        try:
            with unavailable_on_error():
                waiting, _ = _ready()
                _publish_nothing()
            self._full = {
                priority
                for priority, queues in PRIORITY_QUEUES.items()
                if (total := sum(waiting[queue] for queue in queues)) >= limit
                or (priority in self._full and total > low_watermark(limit))
            }
            self._problem = ""
        except BrokerUnavailable as error:
            self._problem = str(error)
            if time.monotonic() < began + POLL_SECONDS:
                return  # the next request may check again at once, since the answer came soon
        self._checked_at = time.monotonic()


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=REQUEST_SECONDS)


@contextmanager
def _database() -> Iterator[None]:
    """Raise BrokerUnavailable for a database error, since a pause could be in the database."""
    try:
        yield
    except DatabaseError as error:
        close_old_connections()  # a dead one, so that a drain goes on with a new one
        raise BrokerUnavailable(f"the database does not answer: {error}") from error


def _publish_nothing() -> None:
    """
    Publish two messages for no queue, and wait until RabbitMQ confirms each.

    While it is short of memory or disk space, RabbitMQ takes the first message of a connection, and
    then reads nothing more from it.
    """
    with current_app.connection_for_write() as connection:
        producer = connection.Producer()
        try:
            for _ in range(2):
                producer.publish("", routing_key=NO_QUEUE, timeout=PROBE_SECONDS)
        except Exception:
            drop_connection(connection)
            raise


def _is_blocked() -> bool:
    try:
        _publish_nothing()
    except CONNECTION_ERRORS:
        return True
    return False


def _ready() -> tuple[dict[str, int], int | None]:
    """
    Return the ready messages of each queue, and the number of its consumers, or None if unknown.

    If a quorum queue does not answer RabbitMQ within 250 ms, RabbitMQ reports no messages and no
    consumers. So a queue without consumers may not be empty. This then takes a message from it,
    which only the queue itself can answer.
    """
    waiting: dict[str, int] = {}
    workers: int | None = 0
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        for name in (*QUEUES, DEAD_QUEUE):
            # No worker may have made the queue yet.
            current_app.amqp.queues[name].bind(channel).declare()
            _, waiting[name], consumers = channel.queue_declare(name, passive=True)
            if not consumers:
                waiting[name] = waiting[name] or _count_by_taking(channel, name)
                workers = None
            elif name in (*LIVE_QUEUES, NOTIFY) and workers is not None:
                workers += consumers  # each takes from a queue of bulk posts too
    return waiting, workers


def _count_by_taking(channel: Any, queue: str) -> int:
    """Return the queue's own count of its messages, by taking one and returning it."""
    message = channel.basic_get(queue)
    if message is None:
        return 0
    channel.basic_reject(message.delivery_tag, requeue=True)
    return int(message.delivery_info["message_count"]) + 1


def _in_progress(workers: int | None) -> tuple[int, int, dict[str, float]]:
    """
    Ask the workers for their messages in progress, and the messages they have started so far.

    A worker that does not answer counts as one message. If the number of workers is unknown, only
    those that answer count. The third value is, by queue, the enqueuing time of the message taken
    last. Waiting messages were enqueued later, so it gives an upper bound of their age.
    """
    answers = current_app.control.broadcast(
        IN_PROGRESS_COMMAND, reply=True, limit=workers, timeout=ANSWER_SECONDS
    )
    reports = {name: report for answer in answers or () for name, report in answer.items()}
    silent = max(0, (workers or 0) - len(reports))
    taken: dict[str, float] = {}
    for _, _, last_taken in reports.values():
        taken |= {queue: max(at, taken.get(queue, 0)) for queue, at in last_taken.items()}
    return (
        sum(in_progress for in_progress, _, _ in reports.values()) + silent,
        sum(started for _, started, _ in reports.values()),
        taken,
    )
