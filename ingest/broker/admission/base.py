"""What admission control promises, whichever broker it belongs to."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from kombu import Producer

# Who closed the gate. It is open while nobody holds it closed.
PauseOwner = Literal["operator", "stop"]


class IntakePaused(Exception):
    """No posts are taken in just now."""


class QueueFull(IntakePaused):
    """More posts wait than may wait."""


def low_watermark(limit: int) -> int:
    """Return how many messages may wait for a queue that was full to be open again."""
    return limit * 4 // 5


@dataclass(frozen=True)
class Backlog:
    """
    What the pipeline holds at one moment, in messages; `in_flight` are requests.

    `oldest` is for how many seconds the oldest message that waits on a queue has been there; it
    leaves out the queues where none waits, and those of which nobody can tell.
    """

    writable: bool
    waiting: dict[str, int]
    in_work: int
    in_flight: int = 0
    oldest: dict[str, float] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """How many messages wait or are in work."""
        return sum(self.waiting.values()) + self.in_work

    @property
    def empty(self) -> bool:
        """Whether nothing is on its way."""
        return not (self.in_flight or self.messages)

    @property
    def drained(self) -> bool:
        """Whether nothing is on its way and nothing can come."""
        return self.empty and not self.writable


def queue_ages(enqueued_at: Mapping[str, float | None]) -> dict[str, float]:
    """Return for how many seconds messages have waited, from when each was enqueued."""
    now = time.time()
    return {queue: max(0.0, now - at) for queue, at in enqueued_at.items() if at is not None}


class AdmissionControl(Protocol):
    """What each broker's gate can do; a method that cannot now raises BrokerUnavailable."""

    def admit(self) -> AbstractContextManager[Producer]:
        """
        Let through what is published in the block, by the producer that it yields.

        Raises:
            IntakePaused: before the block or at its end; nothing was enqueued.
            QueueFull: not before the queue is shorter; nothing was enqueued.
        """

    def pause(self, by: PauseOwner) -> None:
        """Let no more posts in."""

    def resume(self, by: PauseOwner) -> None:
        """Take this holder's hand off the gate; another's may still keep it closed."""

    def is_open(self) -> bool:
        """Read whether nobody keeps the gate closed, however much waits behind it."""

    def backlog(self) -> Backlog:
        """Read whether the gate is open and what is on its way."""
