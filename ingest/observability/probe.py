"""Looking at what may be away, at the same time, and for no longer than a person waits."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from structlog import get_logger

logger = get_logger()

T = TypeVar("T")

TIMEOUT_SECONDS = 3.0  # seconds, for all that a page looks at


class Probe(Generic[T]):
    """Something that is read in the background: what it found, or why it found nothing."""

    def __init__(self, what: str, read: Callable[[], T]) -> None:
        self.what = what
        self._future: Future[T] = Future()
        threading.Thread(target=self._run, args=(read,), daemon=True).start()

    def _run(self, read: Callable[[], T]) -> None:
        try:
            self._future.set_result(read())
        except Exception as error:  # whatever it is, the page is shown with it
            logger.warning("no answer", of=self.what, error=repr(error))
            self._future.set_exception(error)
        finally:
            connection.close()

    @property
    def found(self) -> T | None:
        """What was found; None: nothing, or not yet."""
        return None if self.problem else self._future.result()

    @cached_property
    def problem(self) -> str:
        """Why nothing was found, as it was when somebody first asked."""
        if not self._future.done():
            return f"{self.what} does not answer within {TIMEOUT_SECONDS:g} seconds."
        error = self._future.exception()
        return f"{self.what} does not answer: {error}" if error else ""


def wait_for_probes(*looks: "Probe[Any]") -> None:
    """Wait until all have looked, and no longer than a person does."""
    wait([look._future for look in looks], timeout=TIMEOUT_SECONDS)
