"""
A slot for each of our processes on this machine: the number of its metric files.

A process writes its metrics to files under its number. The next process with the number goes on
with the counts, so no death loses a count. There are never more files than processes at one time.
A slot is a file lock: the kernel frees it at any death, and containers can share the folder.
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

# A process has one file of each kind.
KINDS = ("counter", "histogram")
# Each file gets its room at the start: on a full disk, a write past it would kill the process.
SLOT_BYTES = 1 << 18


@dataclass
class _Slot:
    pid: int
    number: int
    lock: int  # a file descriptor, open until the process ends


_slot: _Slot | None = None


def number() -> int:
    """Return this process's number; a forked child claims its own."""
    global _slot
    if _slot is None or _slot.pid != os.getpid():
        if _slot:
            os.close(_slot.lock)  # the parent keeps its lock
        _slot = _claim()
    return _slot.number


def take_role(role: str) -> None:
    """Write this process's role into its slot, for `alive`."""
    number()
    assert _slot
    os.ftruncate(_slot.lock, 0)
    os.pwrite(_slot.lock, role.encode(), 0)


def alive() -> Counter[str]:
    """Return how many processes of each role are alive on this machine."""
    return Counter(role for role in map(_role, folder().glob("slot-*")) if role)


def folder() -> Path:
    """Return the folder of the files, and make it if necessary."""
    path: Path = settings.METRICS_DIR
    path.mkdir(parents=True, exist_ok=True)
    return path


def _claim() -> _Slot:
    for candidate in count(1):
        lock = os.open(folder() / f"slot-{candidate}", os.O_RDWR | os.O_CREAT, 0o600)
        if _try_lock(lock):
            os.ftruncate(lock, 0)
            for path in _files(candidate):
                _prepare(path)
            return _Slot(os.getpid(), candidate, lock)
        os.close(lock)
    raise AssertionError("there are infinitely many numbers")


def _try_lock(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _role(path: Path) -> str:
    """Return the role of the process in a slot, or "" if the slot is free."""
    with path.open() as lock:
        return "" if _try_lock(lock.fileno()) else lock.read()


def _files(slot_number: int) -> Iterator[Path]:
    return (folder() / f"{kind}_{slot_number}.db" for kind in KINDS)


def _prepare(path: Path) -> None:
    """Delete a file that a power failure has torn, and allocate its room."""
    try:
        MultiProcessCollector.merge([str(path)])
    except Exception:
        path.unlink(missing_ok=True)
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, SLOT_BYTES)
