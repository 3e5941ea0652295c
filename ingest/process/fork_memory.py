"""What a process leaves to the children that it forks: memory that they share until one writes."""

import ctypes
import gc


def freeze() -> None:
    """
    Freeze the heap before forks, so that no collector of a child writes on what it shares.

    And give back what loading freed. The C library would keep it, as it is told to for the sake of
    speed, and each child would come to write on a copy of its own.
    """
    gc.collect()
    gc.freeze()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # of GNU's
        libc.malloc_trim(0)
