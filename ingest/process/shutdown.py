"""
Shutdown of a worker: the parent handles signals, and tells its children through one pipe.

A child that waits, as for an unavailable store, waits on the pipe too. So its wait ends when the
parent stops or dies, and the child never polls.
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
    """Close the writing end in the child, so that the parent's death closes the pipe."""
    if _pipe:
        os.close(_pipe.write)


def notify_children() -> None:
    """Wake every child that waits; no child reads the byte, so all of them see it."""
    if _pipe:
        os.write(_pipe.write, b".")


def handle_signals() -> None:
    """
    Shut down warm at the first SIGTERM or SIGINT, and at once at the second one or at SIGQUIT.

    Celery's own handlers exit with status 1 after SIGINT, and ignore a second SIGTERM. "At once"
    kills the children, and the parent returns their messages to the broker.
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
    """Wait for some seconds or until the worker stops; return whether it stops."""
    readable = [_pipe.read] if _pipe else []
    return bool(select.select(readable, [], [], seconds)[0])
