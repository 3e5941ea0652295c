"""Acknowledgement of a message: only a finished task acknowledges, any other end requeues."""

from typing import TYPE_CHECKING, Any

from celery import Task
from celery.worker import request

if TYPE_CHECKING:
    from celery.worker.request import _InfoDict


class ReliableRequest(request.Request):
    """
    A message that only a finished task acknowledges.

    Celery also acknowledges a message if its task raised, or was revoked or terminated, even while
    a child still works on it. An accepted post must not be lost that way.
    """

    def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> Any:
        """Requeue the message before Celery can acknowledge it; a second decision has no effect."""
        self.reject(requeue=True)
        return super().on_failure(exc_info, *args, **options)

    def revoked(self) -> bool:
        """Return that no message is revoked, so that workers process all of them."""
        return False

    def terminate(self, *args: Any, **options: Any) -> None:
        """Do nothing: Celery would acknowledge the message while its child still works on it."""

    def info(self, safe: bool = False) -> "_InfoDict":
        """Return what `inspect` and Flower show of the message, without its posts."""
        return super().info(safe=True)


class ReliableTask(Task):  # type: ignore[type-arg]
    """A task whose messages hold posts."""

    Request = f"{__name__}:ReliableRequest"
