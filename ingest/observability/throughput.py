"""
How many posts a worker has done in the last minute: counted by its children, read by the parent.

The children share memory that was mapped before the fork, and each writes its own part of it: no
lock, which one that is killed would keep for ever.
"""

import mmap
import struct
import time

from billiard.process import current_process

WINDOW_SECONDS = 60  # seconds, each with a cell of its own

# The second that a cell is of, and the posts that were done in it.
_CELL = struct.Struct("=QQ")


class Throughput:
    """The posts of the last minute, by child and second."""

    def __init__(self, children: int) -> None:
        self._children = children
        self._cells = mmap.mmap(-1, children * WINDOW_SECONDS * _CELL.size)

    def add(self, child: int, posts: int, *, now: float) -> None:
        """Count posts that a child has done."""
        second = int(now)
        place = (child % self._children * WINDOW_SECONDS + second % WINDOW_SECONDS) * _CELL.size
        of, done = _CELL.unpack_from(self._cells, place)
        _CELL.pack_into(self._cells, place, second, posts + (done if of == second else 0))

    def last_minute(self, *, now: float) -> int:
        """Return how many posts all children have done in the last minute."""
        since = int(now) - WINDOW_SECONDS
        return sum(done for second, done in _CELL.iter_unpack(self._cells) if second > since)


_throughput: Throughput | None = None


def prepare(children: int) -> None:
    """Map the memory, in the parent, before its children are forked."""
    global _throughput
    _throughput = Throughput(children)


def record(posts: int) -> None:
    """Count posts that this child has done."""
    if _throughput:
        _throughput.add(getattr(current_process(), "index", 0), posts, now=time.time())


def last_minute() -> int:
    """Return how many posts this worker has done in the last minute."""
    return _throughput.last_minute(now=time.time()) if _throughput else 0
