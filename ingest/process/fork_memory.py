"""Keeping the memory shared that a parent process and its forked children have in common."""

import ctypes
import gc


def freeze() -> None:
    """
    Freeze the heap before a fork, so that no child's garbage collector writes on shared pages.

    Also return freed memory to the kernel. The C library would keep it, and each child would
    write on its own copy.
    """
    gc.collect()
    gc.freeze()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # only GNU's C library has it
        libc.malloc_trim(0)
