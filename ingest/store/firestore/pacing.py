"""
How fast commits follow each other: what Firestore asks of a document and of a new database.

Firestore sustains about one write a second to a document. On a new database, it asks for 500 writes
a second at first, and for half as many more every five minutes.
"""

import random
import time
from collections.abc import Callable

Clock = Callable[[], float]  # seconds
Sleep = Callable[[float], object]

# The least distance after contention, which doubles at each further one, and the largest.
CONTENTION_SECONDS, MAX_SECONDS = 0.25, 8.0
SHRINK_FACTOR = 0.8  # of the distance, after a commit without contention
MAX_PUBLICATIONS = 1000  # whose last commits a process remembers

RAMP_STEP_SECONDS, RAMP_FACTOR = 300, 1.5
RAMP_STEPS = 20  # after which a database takes any load


class CommitDistance:
    """
    Keeps the commits of a publication apart, since each writes its most mentioned entities.

    The posts that arrive while a commit waits join the next one.

    Args:
        seconds: the least distance without contention.
    """

    def __init__(
        self, seconds: float, *, clock: Clock = time.monotonic, sleep: Sleep = time.sleep
    ) -> None:
        self._least = seconds
        self._clock = clock
        self._sleep = sleep
        self._last: dict[str, tuple[float, float]] = {}  # time of the last commit, and distance

    def wait(self, pub_id: str) -> None:
        """Wait until the publication may have its next commit."""
        last, distance = self._last.get(pub_id, (0.0, 0.0))
        if distance:
            self._sleep(max(0.0, last + distance - self._clock()))

    def note_commit(self, pub_id: str) -> None:
        """Note a commit; its distance to the next one shrinks."""
        _, distance = self._last.pop(pub_id, (0.0, 0.0))
        self._last[pub_id] = self._clock(), max(self._least, distance * SHRINK_FACTOR)
        while len(self._last) > MAX_PUBLICATIONS:
            del self._last[next(iter(self._last))]  # the one that was written longest ago

    def note_contention(self, pub_id: str) -> None:
        """Double the distance, and wait for a random part of it before the commit is repeated."""
        last, distance = self._last.get(pub_id, (self._clock(), 0.0))
        distance = min(MAX_SECONDS, max(2 * distance, CONTENTION_SECONDS))
        self._last[pub_id] = last, distance
        self._sleep(distance * random.random())


class RampUp:
    """
    Limits the writes a second while a database is new.

    Args:
        first: the writes a second of this process at the start; 0 sets no limit.
        started_at: the time of the first write of any process, in seconds since 1970.
    """

    def __init__(
        self, first: int, started_at: float, *, clock: Clock = time.time, sleep: Sleep = time.sleep
    ) -> None:
        self._first = first
        self._started_at = started_at
        self._clock = clock
        self._sleep = sleep
        self._free_at = 0.0  # when the next write may begin

    def wait(self, writes: int) -> None:
        """Wait until a commit of so many writes may begin."""
        now = self._clock()
        steps = int((now - self._started_at) // RAMP_STEP_SECONDS)
        if not self._first or steps >= RAMP_STEPS:
            return
        self._sleep(max(0.0, self._free_at - now))
        writes_per_second = self._first * RAMP_FACTOR**steps
        self._free_at = max(self._free_at, now) + writes / writes_per_second
