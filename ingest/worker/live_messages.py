"""
When a worker received a live message last, which a batch of bulk posts in its children asks.

With RabbitMQ a worker's parent may hold a live message that no child is free for. The broker does
not count it among the waiting ones. Parent and children share one cell of memory, which only the
parent writes.
"""

import mmap
import struct
import time

_TIME = struct.Struct("=d")
_cell = mmap.mmap(-1, _TIME.size)  # mapped before the fork


def note_received() -> None:
    """Note that the parent has received a live message."""
    _TIME.pack_into(_cell, 0, time.monotonic())


def received_since(moment: float) -> bool:
    """Return whether the parent has received a live message since a time of `monotonic`."""
    (received_at,) = _TIME.unpack_from(_cell)
    return bool(received_at > moment)
