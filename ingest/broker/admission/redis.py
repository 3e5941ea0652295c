"""Admission control of the embedded broker: Valkey reads and admits in one atomic step each."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import cast

import redis
from celery import current_app
from django.conf import settings
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
from ingest.broker.connection import BrokerUnavailable, redis_client, unavailable_on_error
from ingest.broker.publish import ENQUEUED_AT, PRIORITY_QUEUES, QUEUES
from ingest.core.posts import Priority

PAUSED_KEY = "ingest:gate:closed"
FULL_KEYS: dict[Priority, str] = {"live": "ingest:gate:full", "bulk": "ingest:gate:full:bulk"}
# Written to find out whether the broker takes a write.
PROBE_KEY = "ingest:gate:probe"
PROBE_SECONDS = 60
# Kombu's key of the messages that workers have taken and not acknowledged.
UNACKED_KEY = "unacked"

# One step checks for a pause and puts all messages on their queues, or none. So no post slips in
# after a pause. Full queues accept posts again at the low watermark. KEYS[2] and later are three
# keys for each priority: whether its queues are full, and its queues.
ADMIT_SCRIPT = """
if redis.call('SCARD', KEYS[1]) > 0 then return 'closed' end
for place = 2, #KEYS, 3 do
    local waiting = redis.call('LLEN', KEYS[place + 1]) + redis.call('LLEN', KEYS[place + 2])
    local full = redis.call('EXISTS', KEYS[place]) == 1
    if waiting >= tonumber(ARGV[1]) or (full and waiting > tonumber(ARGV[2])) then
        redis.call('SET', KEYS[place], 1)
        return KEYS[place]
    end
    if full then redis.call('DEL', KEYS[place]) end
end
for place = 3, #ARGV, 2 do redis.call('LPUSH', ARGV[place], ARGV[place + 1]) end
return 'admitted'
"""


# Returns when the next message of a queue was enqueued. The pattern matches only the header, since
# the posts are in base64.
OLDEST_SCRIPT = """
local message = redis.call('LINDEX', KEYS[1], -1)
local at = message and string.match(message, '"{header}": ?([%d.]+)')
return tonumber(at) and at
""".replace("{header}", ENQUEUED_AT)


class RedisAdmission:
    """A set of pause owners beside the queues; Valkey is single-threaded, so no row is needed."""

    @contextmanager
    def admit(self, priorities: Collection[Priority] = LIVE) -> Iterator[Producer]:
        with unavailable_on_error(), current_app.producer_or_acquire() as producer:
            with producer.channel.buffer_publishes() as messages:
                yield producer
            _admit(messages, priorities)

    def pause(self, by: PauseOwner) -> None:
        with unavailable_on_error():
            redis_client().sadd(PAUSED_KEY, by)

    def resume(self, by: PauseOwner) -> None:
        with unavailable_on_error():
            redis_client().srem(PAUSED_KEY, by)

    def paused_by(self) -> set[PauseOwner]:
        with unavailable_on_error():
            return cast(set[PauseOwner], redis_client().smembers(PAUSED_KEY))

    def is_writable(self) -> bool:
        if problem := _write_problem():
            raise BrokerUnavailable(f"the broker takes no message: {problem}")
        with unavailable_on_error():
            return not redis_client().scard(PAUSED_KEY)

    def backlog(self) -> Backlog:
        with unavailable_on_error(), redis_client().pipeline() as step:
            step.scard(PAUSED_KEY)
            step.hlen(UNACKED_KEY)
            for queue in QUEUES:
                step.llen(queue)
                step.eval(OLDEST_SCRIPT, 1, queue)
            paused, in_progress, *queues = step.execute()
        waiting = dict(zip(QUEUES, queues[::2], strict=True))
        enqueued_at = zip(QUEUES, queues[1::2], strict=True)
        oldest = queue_ages({queue: float(at) for queue, at in enqueued_at if at})
        blocked = bool(_write_problem())
        return Backlog(not paused, waiting, in_progress, oldest=oldest, blocked=blocked)


def _write_problem() -> str:
    """Return why the broker takes no write: a full memory or disk, or a read-only replica."""
    try:
        with unavailable_on_error(besides=redis.ResponseError):
            # A server refuses a write before it looks whether the key exists, which needs no flush.
            redis_client().set(PROBE_KEY, 1, ex=PROBE_SECONDS, nx=True)
    except redis.ResponseError as error:
        return str(error)
    return ""


def _admit(messages: Sequence[tuple[str, str]], priorities: Collection[Priority]) -> None:
    """Put all messages on their queues, or none if the intake is paused or the queues are full."""
    limit = settings.QUEUE_LIMIT
    keys = [PAUSED_KEY]
    for priority in priorities:
        keys += [FULL_KEYS[priority], *PRIORITY_QUEUES[priority]]
    answer = redis_client().eval(
        ADMIT_SCRIPT, len(keys), *keys, limit, low_watermark(limit), *chain.from_iterable(messages)
    )
    if answer == "closed":
        raise IntakePaused("the intake is paused")
    for priority, full_key in FULL_KEYS.items():
        if answer == full_key:
            raise QueueFull(priority, limit)
