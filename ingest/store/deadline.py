"""How long a caller waits for the store: a page waits less long than a worker."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def answer_within(seconds: float) -> Iterator[None]:
    """Let the calls to a store in a block fail with StoreUnavailable after so many seconds."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float | None:
    """Return how long a call may take now; None where only the store's own limit holds."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()
