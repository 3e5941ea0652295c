"""Ports of the loopback address: free ports, and ports with a listener."""

import random
import socket

LOOPBACK = "127.0.0.1"
# The kernel gives programs that name no port a higher one. So nobody takes ours by chance, however
# long we wait before we use it.
UNGIVEN_PORTS = range(10_000, 32_768)


def free_ports(count: int) -> list[int]:
    """Return `count` different free ports of the loopback address."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().choice(UNGIVEN_PORTS)
        if _is_free(port):
            found.add(port)
    return list(found)


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    """Return whether a process listens on a port of the loopback address."""
    with socket.socket() as s:
        return s.connect_ex((LOOPBACK, port)) == 0
