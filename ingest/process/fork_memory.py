"""
The memory of a process at its start, and what it shares with its forked children.

A start makes many objects and little garbage. Python would look for garbage after each 700 objects.
"""

import ctypes
import gc

START_OBJECTS = 400_000
_usual = gc.get_threshold()


def postpone_collections() -> None:
    """Look for garbage more seldom, until `freeze`."""
    gc.set_threshold(START_OBJECTS, *_usual[1:])


def freeze() -> None:
    """
    Freeze the heap before a fork, so that no child's garbage collector writes on shared pages.

    Also return freed memory to the kernel. The C library would keep it, and each child would
    write on its own copy.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_usual)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # only GNU's C library has it
        libc.malloc_trim(0)
