"""
Whether this worker has been told to stop: one pipe, which the parent writes and its children read.

A child that waits for something outside, such as a store that is away, waits on the pipe too. It
ends the wait when the parent stops, and when the parent dies, without ever looking at a clock.
"""

import os
import select
from dataclasses import dataclass


@dataclass(frozen=True)
class _Pipe:
    read: int
    write: int


_pipe: _Pipe | None = None


def prepare() -> None:
    """Open the pipe, in the parent, before its children are forked."""
    global _pipe
    _pipe = _Pipe(*os.pipe())


def enter_child() -> None:
    """Give up the writing end, so that the parent's death closes it."""
    if _pipe:
        os.close(_pipe.write)


def tell_children() -> None:
    """Wake every child that waits; nobody reads the byte, so all of them see it."""
    if _pipe:
        os.write(_pipe.write, b".")


def wait(seconds: float) -> bool:
    """Wait so long, or until the worker stops; return whether it stops."""
    reading = [_pipe.read] if _pipe else []
    return bool(select.select(reading, [], [], seconds)[0])
