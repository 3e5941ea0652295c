"""The gate of the embedded broker: read and passed in one step each, since Valkey can do that."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from celery import current_app
from django.conf import settings
from kombu import Producer

from ingest.broker import broker_calls, redis_client
from ingest.gate import Backlog, GateClosed, Holder, QueueFull, ages, low_mark
from ingest.pipeline import ENQUEUED_AT, QUEUES

CLOSED = "ingest:gate:closed"
FULL = "ingest:gate:full"
# Kombu's own name for the messages that a worker has taken and not acknowledged.
UNACKNOWLEDGED = "unacked"

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


class EmbeddedGate:
    """A flag beside the queues, under the same server's single thread; no request needs a lease."""

    @contextmanager
    def passage(self) -> Iterator[Producer]:
        with broker_calls(), current_app.producer_or_acquire() as producer:
            with producer.channel.holding_back() as messages:
                yield producer
            _admit(messages)

    def close(self, holder: Holder) -> None:
        with broker_calls():
            redis_client().sadd(CLOSED, holder)

    def reopen(self, holder: Holder) -> None:
        with broker_calls():
            redis_client().srem(CLOSED, holder)

    def is_open(self) -> bool:
        with broker_calls():
            return not redis_client().scard(CLOSED)

    def backlog(self) -> Backlog:
        with broker_calls(), redis_client().pipeline() as step:
            step.scard(CLOSED)
            step.hlen(UNACKNOWLEDGED)
            for queue in QUEUES:
                step.llen(queue)
                step.eval(OLDEST, 1, queue)
            holders, in_work, *queues = step.execute()
        waiting = dict(zip(QUEUES, queues[::2], strict=True))
        enqueued_at = zip(QUEUES, queues[1::2], strict=True)
        oldest = ages({queue: float(at) for queue, at in enqueued_at if at})
        return Backlog(not holders, waiting, in_work, oldest=oldest)


def _admit(messages: Sequence[tuple[str, str]]) -> None:
    """Put messages on their queues if the gate is open, and none of them otherwise."""
    keys, limit = (CLOSED, FULL, *QUEUES), settings.QUEUE_LIMIT
    answer = redis_client().eval(
        ADMIT, len(keys), *keys, limit, low_mark(limit), *chain.from_iterable(messages)
    )
    if answer == "closed":
        raise GateClosed("no posts are taken in just now")
    if answer == "full":
        raise QueueFull(f"{limit} messages wait already")
