"""
How a worker is told to stop, and how its children know: one pipe, written by the parent.

A child that waits for something outside, such as a store that is away, waits on the pipe too. It
ends the wait when the parent stops, and when the parent dies, without ever looking at a clock.
"""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import cast

import psutil


@dataclass(frozen=True)
class _Pipe:
    read: int
    write: int


_pipe: _Pipe | None = None


def prepare() -> None:
    """Open the pipe, in the parent, before its children are forked."""
    global _pipe
    _pipe = _Pipe(*os.pipe())


def attach_child() -> None:
    """Give up the writing end, so that the parent's death closes it."""
    if _pipe:
        os.close(_pipe.write)


def notify_children() -> None:
    """Wake every child that waits; nobody reads the byte, so all of them see it."""
    if _pipe:
        os.write(_pipe.write, b".")


def handle_signals() -> None:
    """
    Stop warm at SIGTERM and at SIGINT alike, and at once at the second of them, or at SIGQUIT.

    Celery ends with status 1 after SIGINT, and ignores a second SIGTERM. At once means that the
    children are killed: the parent gives their messages back to the broker.
    """
    warm = cast(Callable[[int, FrameType | None], None], signal.getsignal(signal.SIGTERM))

    def stop(number: int, frame: FrameType | None) -> None:
        for again in (signal.SIGTERM, signal.SIGINT):
            signal.signal(again, hurry)
        warm(number, frame)

    def hurry(number: int, frame: FrameType | None) -> None:
        warm(number, frame)
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                child.kill()

    for first in (signal.SIGTERM, signal.SIGINT):
        signal.signal(first, stop)
    signal.signal(signal.SIGQUIT, hurry)


def wait(seconds: float) -> bool:
    """Wait so long, or until the worker stops; return whether it stops."""
    reading = [_pipe.read] if _pipe else []
    return bool(select.select(reading, [], [], seconds)[0])
