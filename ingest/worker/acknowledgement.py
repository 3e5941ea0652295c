"""What becomes of a message whose task did not come to its end, and what is shown of it."""

from typing import TYPE_CHECKING, Any

from celery import Task
from celery.worker import request

if TYPE_CHECKING:
    from celery.worker.request import _InfoDict


class ReliableRequest(request.Request):
    """
    A message that only a task which has come to its end lets go of.

    Celery acknowledges one whose task raised, was revoked, or was to be terminated, whether its
    child has ended or not, and one whose child was killed after that, for it takes that for a
    wish. Of an accepted post nobody may wish that.
    """

    def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> Any:
        """Give the message back before Celery decides; what is settled is not settled again."""
        self.reject(requeue=True)
        return super().on_failure(exc_info, *args, **options)

    def revoked(self) -> bool:
        """Say that no message is, and so have each of them worked on."""
        return False

    def terminate(self, *args: Any, **options: Any) -> None:
        """Do nothing: Celery would acknowledge the message while its child still works on it."""

    def info(self, safe: bool = False) -> "_InfoDict":
        """Tell `inspect` and Flower what the message shows of itself, and never the posts in it."""
        return super().info(safe=True)


class ReliableTask(Task):  # type: ignore[type-arg]
    """A task whose messages hold posts."""

    Request = f"{__name__}:ReliableRequest"
