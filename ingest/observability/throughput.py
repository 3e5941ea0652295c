"""
The throughput of a worker: its posts of the last minute, counted by its children.

The parent maps memory before the fork, and each child writes only its own part of it. So there is
no lock that a killed child could keep for ever.
"""

import mmap
import struct
import time

from billiard.process import current_process

WINDOW_SECONDS = 60  # one cell per second

# A cell holds its second and the posts done in that second.
_CELL = struct.Struct("=QQ")


class Throughput:
    """The posts done in the last minute, by child and second."""

    def __init__(self, children: int) -> None:
        self._children = children
        self._cells = mmap.mmap(-1, children * WINDOW_SECONDS * _CELL.size)

    def add(self, child: int, posts: int, *, now: float) -> None:
        """Count posts that a child has done."""
        second = int(now)
        offset = (child % self._children * WINDOW_SECONDS + second % WINDOW_SECONDS) * _CELL.size
        cell_second, done = _CELL.unpack_from(self._cells, offset)
        _CELL.pack_into(self._cells, offset, second, posts + (done if cell_second == second else 0))

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
