"""nginx with our configuration, in front of the web server."""

import getpass
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from ingest.broker import connection
from ingest.devstack.ports import free_ports, listens
from ingest.devstack.stack import EVERY_SCOPE, Stack, wait_until
from ingestsite import configuration, webserver
from tests.support.apt import FOLDERS, install
from tests.support.web_server import serving

CONFIGURATION = configuration.ROOT / "deploy" / "proxy" / "nginx.conf"
LINE = json.dumps({"publication": "The Gazette", "content": "Obama went to Oslo."}).encode() + b"\n"

# What Debian's own nginx.conf has around ours.
AROUND = """
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {ours}
}}
"""


@pytest.fixture(scope="module")
def stack(valkey: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run one web process with one thread for requests and one for streams."""
    connection.redis_client().flushall()  # an earlier test may have paused the intake
    settings = {
        "INGEST_STORE": "null",
        "INGEST_BROKER_URL": configuration.BROKER_URL,
        "INGEST_WEB_WORKERS": "1",
        "INGEST_WEB_THREADS": "1",
        "INGEST_WEB_STREAMS": "1",
    }
    stack = Stack(tmp_path_factory.mktemp("web"), settings)
    with serving(stack):
        yield stack


@pytest.fixture(scope="module")
def proxy(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run nginx with our configuration, without TLS; return its port."""
    install("nginx", package="nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    (port,) = free_ports(1)
    ours = CONFIGURATION.read_text("utf-8")
    ours = re.sub(r"\n +ssl_\w+ [^;]+;", "", ours)
    ours = ours.replace("443 ssl", f"127.0.0.1:{port}").replace("ingest.example.com", "localhost")
    ours = ours.replace("127.0.0.1:8400", stack.url.removeprefix("http://"))
    (folder / "nginx.conf").write_text(
        AROUND.format(folder=folder, user=getpass.getuser(), ours=ours)
    )
    program = shutil.which("nginx", path=FOLDERS)
    assert program
    server = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        wait_until(lambda: listens(port), seconds=20, what="nginx listens")
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """Return a key that may submit."""
    return stack.manage("api_key", "create", "proxy", *EVERY_SCOPE).split()[-1]


def head(key: str, *headers: str) -> bytes:
    own = ("Host: localhost", f"Authorization: Bearer {key}")
    return "\r\n".join(["POST /api/posts HTTP/1.1", *own, *headers, "", ""]).encode()


def test_an_idle_connection_is_closed_by_the_proxy_first() -> None:
    upstream = re.search(r"upstream ingest \{(.+?)\}", CONFIGURATION.read_text(), re.DOTALL)
    assert upstream
    (seconds,) = re.findall(r"keepalive_timeout (\d+)s;", upstream[1])
    assert int(seconds) < webserver.keepalive


def test_slow_bodies_reach_no_thread_of_the_web_server(proxy: int, key: str) -> None:
    large = ("Content-Type: application/json", "Content-Length: 9000000")
    with ExitStack() as clients:
        for _ in range(10):
            client = socket.create_connection(("127.0.0.1", proxy))
            clients.enter_context(client).sendall(head(key, *large) + b"[")
        started = time.monotonic()
        body = b"[" + b",".join([LINE] * 900) + b" " * 100_000 + b"]"  # needs a thread for streams
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        answer = requests.post(
            f"http://127.0.0.1:{proxy}/api/posts", body, headers=headers, timeout=20
        )
        assert answer.status_code == 202
        assert time.monotonic() - started < 5


def test_lines_are_answered_while_they_arrive(proxy: int, key: str) -> None:
    lines = ("Content-Type: application/x-ndjson", "Transfer-Encoding: chunked")
    chunk = LINE * 200  # a hundred are answered together
    with socket.create_connection(("127.0.0.1", proxy), timeout=20) as client:
        client.sendall(head(key, *lines) + b"%x\r\n%b\r\n" % (len(chunk), chunk))
        answer = client.makefile("rb")
        assert answer.readline().split()[1] == b"200"
        while b'"status": "accepted"' not in (read := answer.readline()):
            assert read
        client.sendall(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n", head("", "Content-Length: 1000") + b"["],
    ids=["silent", "half of the headers", "half of the body"],
)
def test_a_client_that_stops_sending_is_left(proxy: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", proxy), timeout=20) as client:
        client.sendall(sent)
        answer = client.recv(100)
        assert not answer or answer.split()[1] == b"408"


def test_one_address_has_a_limit_of_connections(proxy: int) -> None:
    with ExitStack() as clients:
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", proxy))
            clients.enter_context(client).sendall(head("", "Content-Length: 1000"))
        wait_until(lambda: _status(proxy) == 429, seconds=5, what="the limit holds")


def _status(proxy: int) -> int:
    return requests.get(f"http://127.0.0.1:{proxy}/livez", timeout=5).status_code
