"""How long a step may take: an exception after the limit, the end of the process after two."""

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
    Raise TookTooLong in this block after so many seconds, and end the process after twice that.

    The exception needs Python to run. A loop in C that never comes back to it is ended by a
    thread in C, and the message is then delivered again like that of any dead process. Only a
    process's main thread can use it.
    """

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeLimitExceeded(f"still running after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(2 * seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
