"""A time limit for a step: an exception at the limit, the end of the process at twice the limit."""

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TimeLimitExceeded(Exception):
    """The step was still running at its time limit."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """
    Raise TimeLimitExceeded in this block after `seconds`; end the process after twice that.

    Only Python code can raise the exception. If a loop in C never returns, a C thread ends the
    process, and the broker redelivers its messages. Only the main thread can use this.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise TimeLimitExceeded(f"still running after {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(2 * seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
