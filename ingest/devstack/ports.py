"""Ports of the loopback address: free ports, and ports with a listener."""

import socket


def free_ports(count: int) -> list[int]:
    """Return `count` different free ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def listens(port: int) -> bool:
    """Return whether a process listens on a port."""
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0
