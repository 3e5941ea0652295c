"""The gate of the embedded broker: read and passed in one step each, since Valkey can do that."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from ingest.broker import broker_calls, redis_client
from ingest.gate import LEASE_SECONDS, Backlog, GateClosed, Holder, QueueFull, low_mark
from ingest.pipeline import QUEUES

CLOSED = "ingest:gate:closed"
LEASES = "ingest:gate:leases"
# Kombu's own name for the messages that a worker has taken and not acknowledged.
UNACKNOWLEDGED = "unacked"

FULL = "ingest:gate:full"

# A closed gate grants no lease, not even for a moment, so a drained one stays drained. One whose
# queues were full opens at the low mark.
GRANT = """
if redis.call('SCARD', KEYS[1]) > 0 then return 'closed' end
local waiting = redis.call('LLEN', KEYS[4]) + redis.call('LLEN', KEYS[5])
local full = redis.call('EXISTS', KEYS[3]) == 1
if waiting >= tonumber(ARGV[3]) or (full and waiting > tonumber(ARGV[4])) then
    redis.call('SET', KEYS[3], 1)
    return 'full'
end
if full then redis.call('DEL', KEYS[3]) end
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[2])
return 'granted'
"""


class EmbeddedGate:
    """Flag and leases beside the queues, under the same server's single thread."""

    @contextmanager
    def lease(self) -> Iterator[None]:
        client, name = redis_client(), uuid.uuid4().hex
        try:
            with broker_calls():
                ends, limit = time.time() + LEASE_SECONDS, settings.QUEUE_LIMIT
                keys = (CLOSED, LEASES, FULL, *QUEUES)
                answer = client.eval(GRANT, len(keys), *keys, ends, name, limit, low_mark(limit))
            if answer == "closed":
                raise GateClosed("no posts are taken in just now")
            if answer == "full":
                raise QueueFull(f"{limit} messages wait already")
            yield
        finally:
            with broker_calls():
                client.zrem(LEASES, name)

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
            step.zcount(LEASES, time.time(), "+inf")
            step.hlen(UNACKNOWLEDGED)
            for queue in QUEUES:
                step.llen(queue)
            holders, leases, in_work, *waiting = step.execute()
        return Backlog(not holders, dict(zip(QUEUES, waiting, strict=True)), in_work, leases)
