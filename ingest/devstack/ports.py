"""Ports of the loopback address: free ports, and ports with a listener."""

import socket

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return `count` different free ports of the loopback address."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports: list[int] = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def listens(port: int) -> bool:
    """Return whether a process listens on a port of the loopback address."""
    with socket.socket() as s:
        return s.connect_ex((LOOPBACK, port)) == 0
