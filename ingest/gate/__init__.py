"""
The gate: whether posts may come in, and whether all that came in has gone through.

What a request publishes passes through the gate while that is open. *Drained* means not writable,
nothing passing, nothing waiting and nothing in work, so no post can slip in behind the answer. How
that is read depends on the broker.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Literal, Protocol

from celery import current_app
from kombu import Producer

# Who closed the gate. It is open while nobody holds it closed.
Holder = Literal["operator", "stop"]


class GateClosed(Exception):
    """No posts are taken in just now."""


class QueueFull(GateClosed):
    """More posts wait than may wait."""


def low_mark(limit: int) -> int:
    """Return how many messages may wait for a queue that was full to be open again."""
    return limit * 4 // 5


@dataclass(frozen=True)
class Backlog:
    """
    What the pipeline holds at one moment, in messages; `passing` are requests.

    `oldest` is for how many seconds the oldest message that waits on a queue has been there; it
    leaves out the queues where none waits, and those of which nobody can tell.
    """

    writable: bool
    waiting: dict[str, int]
    in_work: int
    passing: int = 0
    oldest: dict[str, float] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """How many messages wait or are in work."""
        return sum(self.waiting.values()) + self.in_work

    @property
    def empty(self) -> bool:
        """Whether nothing is on its way."""
        return not (self.passing or self.messages)

    @property
    def drained(self) -> bool:
        """Whether nothing is on its way and nothing can come."""
        return self.empty and not self.writable


def ages(enqueued_at: Mapping[str, float | None]) -> dict[str, float]:
    """Return for how many seconds messages have waited, from when each was enqueued."""
    now = time.time()
    return {queue: max(0.0, now - at) for queue, at in enqueued_at.items() if at is not None}


class Gate(Protocol):
    """What each broker's gate can do; a method that cannot now raises BrokerUnavailable."""

    def passage(self) -> AbstractContextManager[Producer]:
        """
        Let through what is published in the block, by the producer that it yields.

        Raises:
            GateClosed: before the block or at its end; nothing was enqueued.
            QueueFull: not before the queue is shorter; nothing was enqueued.
        """

    def close(self, holder: Holder) -> None:
        """Let no more posts in."""

    def reopen(self, holder: Holder) -> None:
        """Take this holder's hand off the gate; another's may still keep it closed."""

    def is_open(self) -> bool:
        """Read whether nobody keeps the gate closed, however much waits behind it."""

    def backlog(self) -> Backlog:
        """Read whether the gate is open and what is on its way."""


@cache
def the_gate() -> Gate:
    """Return the gate that goes with the broker."""
    scheme = current_app.conf.broker_url.split(":")[0]
    name = "rabbitmq.RabbitGate" if scheme.startswith("amqp") else "embedded.EmbeddedGate"
    module, _, kind = name.partition(".")
    gate: Gate = getattr(import_module(f"{__name__}.{module}"), kind)()
    return gate
