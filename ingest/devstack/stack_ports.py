"""The ports that a stack listens on, and who has taken one of them."""

import errno
import socket
from contextlib import suppress

import psutil

from ingest.devstack.ports import LOOPBACK
from ingestsite import configuration


class PortTaken(SystemExit):
    """The stack cannot listen on one of its ports."""


def of_stack() -> dict[str, int]:
    """Return the ports of the servers that this stack starts, by the names of their settings."""
    ports = {"WEB": configuration.WEB_PORT}
    if configuration.FLOWER_PORT:
        ports["FLOWER"] = configuration.FLOWER_PORT
    if configuration.BROKER_PASSWORD is not None:
        ports["BROKER"] = configuration.BROKER_PORT
    if configuration.EMULATOR_IS_OURS:
        ports["FIRESTORE"] = configuration.FIRESTORE_PORT
    return ports


def check_free() -> None:
    """Raise PortTaken if a port of this stack cannot be listened on."""
    for name, port in of_stack().items():
        host = configuration.WEB_HOST if name == "WEB" else LOOPBACK
        try:
            address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            socket.create_server(address[4][:2], family=address[0]).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"port {port} of {host} is taken{_by(port)}"
                raise PortTaken(f"INGEST_{name}_PORT: {why}; choose another.") from error
            raise PortTaken(
                f"INGEST_{name}_PORT: nothing can listen on port {port} of {host} "
                f"({error.strerror})."
            ) from error


def _by(port: int) -> str:
    """Name the process that listens on a port, if this user may know it."""
    with suppress(psutil.Error):
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr[1:] == (port,) and one.pid:
                return f" by process {one.pid} ({psutil.Process(one.pid).name()})"
    return ""
