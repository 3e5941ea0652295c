"""The gate of the embedded broker: read and passed in one step each, since Valkey can do that."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from celery import current_app
from django.conf import settings
from kombu import Producer

from ingest.broker.admission.base import (
    Backlog,
    IntakePaused,
    PauseOwner,
    QueueFull,
    low_watermark,
    queue_ages,
)
from ingest.broker.connection import redis_client, unavailable_on_error
from ingest.broker.publish import ENQUEUED_AT, QUEUES

PAUSED_KEY = "ingest:gate:closed"
FULL_KEY = "ingest:gate:full"
# Kombu's own name for the messages that a worker has taken and not acknowledged.
UNACKED_KEY = "unacked"

# Whether the gate is open is read in the step that puts the messages on their queues, all of them
# or none, so nothing slips in behind a closed one. One that was full opens at the low mark.
ADMIT = """
if redis.call('SCARD', KEYS[1]) > 0 then return 'closed' end
local waiting = redis.call('LLEN', KEYS[3]) + redis.call('LLEN', KEYS[4])
local full = redis.call('EXISTS', KEYS[2]) == 1
if waiting >= tonumber(ARGV[1]) or (full and waiting > tonumber(ARGV[2])) then
    redis.call('SET', KEYS[2], 1)
    return 'full'
end
if full then redis.call('DEL', KEYS[2]) end
for place = 3, #ARGV, 2 do redis.call('LPUSH', ARGV[place], ARGV[place + 1]) end
return 'admitted'
"""


# When the message was enqueued that is taken next. A pattern finds it without reading the posts:
# these are in base64, so nothing in them can look like it.
OLDEST = """
local message = redis.call('LINDEX', KEYS[1], -1)
return message and string.match(message, '"{header}": ?([%d.]+)')
""".replace("{header}", ENQUEUED_AT)


class RedisAdmission:
    """A flag beside the queues, under the same server's single thread; no request needs a lease."""

    @contextmanager
    def admit(self) -> Iterator[Producer]:
        with unavailable_on_error(), current_app.producer_or_acquire() as producer:
            with producer.channel.buffer_publishes() as messages:
                yield producer
            _admit(messages)

    def pause(self, by: PauseOwner) -> None:
        with unavailable_on_error():
            redis_client().sadd(PAUSED_KEY, by)

    def resume(self, by: PauseOwner) -> None:
        with unavailable_on_error():
            redis_client().srem(PAUSED_KEY, by)

    def is_open(self) -> bool:
        with unavailable_on_error():
            return not redis_client().scard(PAUSED_KEY)

    def backlog(self) -> Backlog:
        with unavailable_on_error(), redis_client().pipeline() as step:
            step.scard(PAUSED_KEY)
            step.hlen(UNACKED_KEY)
            for queue in QUEUES:
                step.llen(queue)
                step.eval(OLDEST, 1, queue)
            paused, in_work, *queues = step.execute()
        waiting = dict(zip(QUEUES, queues[::2], strict=True))
        enqueued_at = zip(QUEUES, queues[1::2], strict=True)
        oldest = queue_ages({queue: float(at) for queue, at in enqueued_at if at})
        return Backlog(not paused, waiting, in_work, oldest=oldest)


def _admit(messages: Sequence[tuple[str, str]]) -> None:
    """Put messages on their queues if the gate is open, and none of them otherwise."""
    keys, limit = (PAUSED_KEY, FULL_KEY, *QUEUES), settings.QUEUE_LIMIT
    answer = redis_client().eval(
        ADMIT, len(keys), *keys, limit, low_watermark(limit), *chain.from_iterable(messages)
    )
    if answer == "closed":
        raise IntakePaused("no posts are taken in just now")
    if answer == "full":
        raise QueueFull(f"{limit} messages wait already")
