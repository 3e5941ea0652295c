"""
The gate: whether posts may come in, and whether all that came in has gone through.

A request reads the gate and takes a lease in one step, and gives the lease back when its posts
are on the queue or refused. *Drained* is read in one step too: not writable, no lease, nothing
waiting and nothing in work. So no post can slip in behind the answer.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from ingest.broker import broker_calls, redis_client
from ingest.pipeline import QUEUES

# Who closed the gate. It is open while nobody holds it closed.
Holder = Literal["operator", "stop"]

CLOSED = "ingest:gate:closed"
LEASES = "ingest:gate:leases"
# Kombu's own name for the messages that a worker has taken and not acknowledged.
UNACKNOWLEDGED = "unacked"

# A lease of a process that died must end by itself; no request takes so long.
LEASE_SECONDS = 60


# A closed gate grants no lease, not even for a moment, so a drained one stays drained.
GRANT = """
if redis.call('SCARD', KEYS[1]) > 0 then return 0 end
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[2])
return 1
"""


class GateClosed(Exception):
    """No posts are taken in just now."""


@dataclass(frozen=True)
class Backlog:
    """What the pipeline holds at one moment, in messages; `leases` are requests."""

    writable: bool
    waiting: dict[str, int]
    in_work: int
    leases: int

    @property
    def messages(self) -> int:
        """How many messages wait or are in work."""
        return sum(self.waiting.values()) + self.in_work

    @property
    def empty(self) -> bool:
        """Whether nothing is on its way."""
        return not (self.leases or self.messages)

    @property
    def drained(self) -> bool:
        """Whether nothing is on its way and nothing can come."""
        return self.empty and not self.writable


@contextmanager
def lease() -> Iterator[None]:
    """
    Hold the gate open for one request.

    Raises:
        GateClosed: nothing may be enqueued.
        BrokerUnavailable: nobody can tell.
    """
    client, name = redis_client(), uuid.uuid4().hex
    try:
        with broker_calls():
            ends = time.time() + LEASE_SECONDS
            granted = client.eval(GRANT, 2, CLOSED, LEASES, ends, name)
        if not granted:
            raise GateClosed
        yield
    finally:
        with broker_calls():
            client.zrem(LEASES, name)


def close(holder: Holder) -> None:
    """Let no more posts in."""
    with broker_calls():
        redis_client().sadd(CLOSED, holder)


def reopen(holder: Holder) -> None:
    """Take this holder's hand off the gate; another's may still keep it closed."""
    with broker_calls():
        redis_client().srem(CLOSED, holder)


def backlog() -> Backlog:
    """Read, in one step, whether the gate is open and what is on its way."""
    with broker_calls(), redis_client().pipeline() as step:
        step.scard(CLOSED)
        step.zcount(LEASES, time.time(), "+inf")
        step.hlen(UNACKNOWLEDGED)
        for queue in QUEUES:
            step.llen(queue)
        holders, leases, in_work, *waiting = step.execute()
    return Backlog(not holders, dict(zip(QUEUES, waiting, strict=True)), in_work, leases)
