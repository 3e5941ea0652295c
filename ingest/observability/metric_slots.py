"""
A number for each process of ours on this machine, which is free again when the process ends.

What a process counts lies in files under its number. One that takes the number of a dead process
goes on with its counts, however it died, so nothing that was counted is lost, and there are never
more files than processes have run at once. The kernel holds the number: it is a lock on a file,
which a killed process lets go of as well, and containers that share the folder share the numbers.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from django.conf import settings
from prometheus_client.multiprocess import MultiProcessCollector

# Of what a process counts there are files of these kinds.
KINDS = ("counter", "histogram")
# A disk that is full would end a process that writes where its file has no room yet.
SLOT_BYTES = 1 << 17  # bytes


@dataclass
class _Slot:
    pid: int
    number: int
    lock: int  # a descriptor, open as long as the process lives


_held: _Slot | None = None


def number() -> int:
    """Return this process's number; a child that was forked takes one of its own."""
    global _held
    if _held is None or _held.pid != os.getpid():
        if _held:
            os.close(_held.lock)  # the parent's: it still holds it
        _held = _claim()
    return _held.number


def take_role(role: str) -> None:
    """Say what this process is for, among those that are alive."""
    number()
    assert _held
    os.ftruncate(_held.lock, 0)
    os.pwrite(_held.lock, role.encode(), 0)


def alive() -> Counter[str]:
    """Return how many processes of each role are alive on this machine."""
    return Counter(role for role in map(_role, folder().glob("slot-*")) if role)


def folder() -> Path:
    """Return where the files are."""
    path: Path = settings.METRICS_DIR
    path.mkdir(parents=True, exist_ok=True)
    return path


def _claim() -> _Slot:
    for own in count(1):
        lock = os.open(folder() / f"slot-{own}", os.O_RDWR | os.O_CREAT, 0o600)
        if _is_free(lock):
            os.ftruncate(lock, 0)
            for path in _files(own):
                _prepare(path)
            return _Slot(os.getpid(), own, lock)
        os.close(lock)
    raise AssertionError("there are infinitely many numbers")


def _is_free(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _role(path: Path) -> str:
    """Return what the process is for that holds a number; one that nobody holds has none."""
    with path.open() as lock:
        return "" if _is_free(lock.fileno()) else lock.read()


def _files(own: int) -> Iterator[Path]:
    return (folder() / f"{kind}_{own}.db" for kind in KINDS)


def _prepare(path: Path) -> None:
    """Forget a file that a power failure has torn, and make room in it."""
    try:
        MultiProcessCollector.merge([str(path)])
    except Exception:
        path.unlink(missing_ok=True)
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, SLOT_BYTES)
