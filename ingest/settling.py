"""What becomes of a message whose task did not come to its end: it goes back to its queue."""

from typing import Any

from celery import Task
from celery.worker import request


class Request(request.Request):
    """
    A message that only a task which has come to its end lets go of.

    Celery acknowledges one whose task raised or was revoked, and one whose child was killed after
    somebody had tried to terminate it, for it takes that for a wish. Of an accepted post nobody
    may wish that.
    """

    def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> Any:
        """Give the message back before Celery decides; what is settled is not settled again."""
        self.reject(requeue=True)
        return super().on_failure(exc_info, *args, **options)

    def revoked(self) -> bool:
        """Say that no message is, and so have each of them worked on."""
        return False


class PostTask(Task):  # type: ignore[type-arg]
    """A task whose messages hold posts."""

    Request = f"{__name__}:Request"
