"""
The lock of a state folder: one stack runs in it, and the file says which.

Every process of the stack inherits the lock, so it is free once the last of them has ended, even
after a SIGKILL of the first.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

MAX_WAIT_SECONDS = 60  # for the processes of a killed stack
POLL_SECONDS = 0.1


class FolderInUse(SystemExit):
    """Another stack runs in the state folder."""


@contextmanager
def locked(folder: Path, facts: Mapping[str, Any]) -> Iterator[int]:
    """
    Hold the lock of a state folder while a block runs; yield its file descriptor.

    Args:
        folder: the state folder.
        facts: what the lock's file tells about this stack, besides its pid.

    Raises:
        FolderInUse: another stack has the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for_ends(lock, folder)
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"pid": os.getpid(), **facts}).encode(), 0)
        yield lock
        os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def read(folder: Path) -> dict[str, Any]:
    """Return what the running stack wrote, or nothing if none runs."""
    with suppress(OSError, ValueError):
        facts = json.loads((folder / "stack.lock").read_text("utf-8"))
        return facts if isinstance(facts, dict) else {}
    return {}


def _wait_for_ends(lock: int, folder: Path) -> None:
    """Take the lock, and wait for it while only remains of a killed stack hold it."""
    deadline, said = time.monotonic() + MAX_WAIT_SECONDS, False
    while not _take(lock):
        facts = read(folder)
        pid = facts.get("pid", 0)
        if psutil.pid_exists(pid) or time.monotonic() > deadline:
            ports = ", ".join(f"{name} {port}" for name, port in facts.get("ports", {}).items())
            raise FolderInUse(
                f"A stack already runs in {folder}: process {pid}, pages on {facts.get('pages')}, "
                f"ports {ports}. Stop it with Ctrl-C in its terminal or `kill {pid}`, "
                "or name another folder and other ports."
            )
        if not said:
            print(f"Waiting for the end of the stack of process {pid}, which was killed.")
            said = True
        time.sleep(POLL_SECONDS)


def _take(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
