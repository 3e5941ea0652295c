"""
How many batches of bulk posts the children of a worker extract at once: one for each processor.

More would not be faster, and a live post's batch would share the processors with all of them. With
sixteen children on two processors it had an eighth of one.

A slot is a lock on a byte of a nameless file, which parent and children share. The kernel frees the
locks of a process that dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SLOTS = len(os.sched_getaffinity(0))

_file = os.memfd_create("bulk slots")  # opened before the fork


@contextmanager
def bulk_slot() -> Iterator[None]:
    """Wait for a slot, and keep it during a block."""
    slot = _free_slot()
    if slot is None:
        slot = os.getpid() % SLOTS  # pids follow one another, so the children wait for all slots
        fcntl.lockf(_file, fcntl.LOCK_EX, 1, slot)
    try:
        yield
    finally:
        fcntl.lockf(_file, fcntl.LOCK_UN, 1, slot)


def _free_slot() -> int | None:
    """Take a free slot, and return it; None if there is none."""
    for slot in range(SLOTS):
        with suppress(BlockingIOError, PermissionError):  # POSIX allows both
            fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
            return slot
    return None
