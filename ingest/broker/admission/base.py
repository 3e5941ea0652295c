"""The promises of admission control, the same for each broker."""

import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from kombu import Producer

from ingest.broker.publish import PRIORITY_QUEUES
from ingest.core.posts import Priority

# Who paused the intake. It accepts posts while no owner has paused it.
PauseOwner = Literal["operator", "stop"]

# The state of the intake, in the words of the dashboard, the pages and the commands.
IntakeState = Literal["open", "full", "draining", "drained", "unavailable"]
# The state when the broker does not answer, so that there is no backlog to read.
UNAVAILABLE: Final = "unavailable"


class IntakePaused(Exception):
    """The intake is paused: nothing of the request was enqueued."""


class QueueFull(IntakePaused):
    """The queues of a priority have reached their limit."""

    def __init__(self, priority: Priority, limit: int) -> None:
        super().__init__(f"{limit} messages of {priority} posts wait already")


# What a caller admits that does not publish posts.
LIVE: tuple[Priority, ...] = ("live",)


def low_watermark(limit: int) -> int:
    """Return the number of waiting messages at which a full queue accepts posts again."""
    return limit * 4 // 5


@dataclass(frozen=True)
class Backlog:
    """
    The content of the pipeline at its read time, in messages; `in_flight` are requests.

    Args:
        writable: whether no owner has paused the intake.
        oldest: the age of the oldest waiting message of each queue, in seconds. It leaves out empty
            queues, and queues of unknown age.
        blocked: whether the broker answers, but takes no message now.
    """

    writable: bool
    waiting: dict[str, int]
    in_progress: int
    in_flight: int = 0
    oldest: dict[str, float] = field(default_factory=dict)
    blocked: bool = False

    @property
    def accepting(self) -> bool:
        """Whether a post would be accepted, unless too many messages wait."""
        return self.writable and not self.blocked

    @property
    def messages(self) -> int:
        """The number of messages that wait or are in progress."""
        return sum(self.waiting.values()) + self.in_progress

    @property
    def empty(self) -> bool:
        """Whether no request is in flight, and no message waits or is in progress."""
        return not (self.in_flight or self.messages)

    @property
    def drained(self) -> bool:
        """Whether the pipeline is empty and the intake is paused."""
        return self.empty and not self.writable

    def state(self, limit: int) -> IntakeState:
        """Return the state of the intake of live posts, which is full at `limit` messages."""
        if not self.writable:
            return "drained" if self.drained else "draining"
        if self.blocked:
            return UNAVAILABLE
        return "full" if self.waiting_of("live") >= limit else "open"

    def waiting_of(self, priority: Priority) -> int:
        """Return the number of waiting messages of a priority, which has a limit of its own."""
        return sum(self.waiting.get(queue, 0) for queue in PRIORITY_QUEUES[priority])


def queue_ages(enqueued_at: Mapping[str, float | None]) -> dict[str, float]:
    """Return the age in seconds of each queue's message from the time it was enqueued."""
    now = time.time()
    return {queue: max(0.0, now - at) for queue, at in enqueued_at.items() if at is not None}


class AdmissionControl(Protocol):
    """
    Admission control of one broker.

    Raises:
        BrokerUnavailable: by each method, if the broker or its database does not answer.
    """

    def admit(self, priorities: Collection[Priority] = LIVE) -> AbstractContextManager[Producer]:
        """
        Admit the messages that the block publishes through the producer it yields.

        Args:
            priorities: those of the posts; the queues of each have a limit of their own.

        Raises:
            IntakePaused: before the block or at its end; nothing was enqueued.
            QueueFull: the queues must get shorter first; nothing was enqueued.
        """

    def pause(self, by: PauseOwner) -> None:
        """Refuse new posts until this owner resumes."""

    def resume(self, by: PauseOwner) -> None:
        """End this owner's pause; another owner's pause stays."""

    def paused_by(self) -> set[PauseOwner]:
        """Read which owners have paused the intake."""

    def is_writable(self) -> bool:
        """
        Read whether no owner has paused the intake, however many messages wait.

        Raises:
            BrokerUnavailable: the broker is away, or it answers and takes no message.
        """

    def backlog(self) -> Backlog:
        """Read whether the intake is writable, and the messages in the pipeline."""
