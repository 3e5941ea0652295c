"""The web server keeps answering while clients are slow, silent, or send what is no HTTP."""

import gzip
import json
import os
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest
import requests
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn

from ingest.broker import connection
from ingest.devstack.stack import EVERY_SCOPE, Stack, wait_until
from ingestsite import configuration
from ingestsite.webworker import (
    LIVENESS,
    MAX_GATHERED_BYTES,
    REQUESTS,
    STREAMS,
    Worker,
    choose_pool,
)
from tests.support.web_server import serving

POST = json.dumps({"publication": "The Gazette", "content": "Obama went to Oslo."}).encode()
NDJSON = "application/x-ndjson"


@pytest.fixture(scope="module")
def stack(valkey: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run one web process with two threads for requests and two for streams."""
    connection.redis_client().flushall()  # an earlier test may have paused the intake
    stack = Stack(
        tmp_path_factory.mktemp("web"),
        {
            "INGEST_STORE": "null",
            "INGEST_BROKER_URL": configuration.BROKER_URL,
            "INGEST_WEB_WORKERS": "1",
            "INGEST_WEB_THREADS": "2",
            "INGEST_WEB_STREAMS": "2",
            "INGEST_CLIENT_SECONDS": "4",
        },
    )
    with serving(stack):
        yield stack


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """Return a key that may submit."""
    return stack.manage("api_key", "create", "slow", *EVERY_SCOPE).split()[-1]


@pytest.fixture
def clients(stack: Stack) -> Iterator[ExitStack]:
    """Return what closes a test's connections."""
    with ExitStack() as clients:
        yield clients


def head(key: str, *headers: str, content_type: str = "application/json") -> bytes:
    own = ("Host: localhost", f"Authorization: Bearer {key}", f"Content-Type: {content_type}")
    return "\r\n".join(["POST /api/posts HTTP/1.1", *own, *headers, "", ""]).encode()


def connect(stack: Stack, clients: ExitStack, sent: bytes = b"") -> socket.socket:
    """Open a connection, and send the beginning of a request."""
    port = int(stack.url.rpartition(":")[2])
    client = clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
    client.sendall(sent)
    return client


def status(client: socket.socket) -> int:
    """Return the status of an answer."""
    return int(client.makefile("rb").readline().split()[1])


def seconds_to_answer(stack: Stack, path: str) -> float:
    started = time.monotonic()
    assert requests.get(f"{stack.url}{path}", timeout=30).status_code == 200
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("sent", "pool"),
    [
        (b"", None),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n", None),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", LIVENESS),
        (b"GET /livez?a=1 HTTP/1.1\r\n\r\n", LIVENESS),
        (b"GET /livezone HTTP/1.1\r\n\r\n", REQUESTS),
        (b"GET /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", STREAMS),
        (b"GET /livez HTTP/1.1\r\nContent-Length: 9\r\n\r\n", None),
        (b"POST / HTTP/1.1\r\nCONTENT-LENGTH: 2 \r\n\r\na", None),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", REQUESTS),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", STREAMS),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", STREAMS),
        (b"GET /api/publications/a%2Fb/entities.csv HTTP/1.1\r\n\r\n", STREAMS),
        (b"GET /" + b"x" * MAX_GATHERED_BYTES, REQUESTS),
    ],
)
def test_a_request_gets_its_threads_by_what_has_arrived_of_it(sent: bytes, pool: str) -> None:
    assert choose_pool(sent) == pool


def test_a_connection_whose_time_is_over_is_kept_if_a_request_begins_on_it() -> None:
    worker = Worker(1, os.getppid(), [], None, 30, Config(), None)
    worker.tpool = worker.get_thread_pool()
    with ExitStack() as exits:
        worker.poller = exits.enter_context(selectors.DefaultSelector())
        exits.enter_context(closing(worker.tmp))
        asking, silent, gone = (_idle_connection(worker, exits) for _ in range(3))
        asking[1].sendall(b"GET / HTTP/1.1\r\n")
        gone[1].close()
        worker.murder_keepalived()
        assert list(worker.keepalived_conns) == []
        assert list(worker._gathering) == [asking[0]]
        assert [conn.sock.fileno() < 0 for conn, _ in (asking, silent, gone)] == [False, True, True]


def _idle_connection(worker: Worker, exits: ExitStack) -> tuple[TConn, socket.socket]:
    """Return a connection that the worker has kept for long enough, and its client's end."""
    ours, client = map(exits.enter_context, socket.socketpair())
    ours.setblocking(False)
    conn = TConn(worker.cfg, ours, "", "")
    conn.timeout = time.monotonic()
    worker.keepalived_conns.append(conn)
    worker.poller.register(ours, selectors.EVENT_READ)
    return conn, client


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 1000",),
        ("Content-Length: 9000000",),
        ("Transfer-Encoding: chunked",),
    ],
)
def test_slow_bodies_keep_nobody_waiting(
    stack: Stack, key: str, clients: ExitStack, headers: tuple[str, ...]
) -> None:
    for _ in range(16):
        connect(stack, clients, head(key, *headers))
    assert max(seconds_to_answer(stack, path) for path in ("/livez", "/", "/livez")) < 3
    answer = requests.post(
        f"{stack.url}/api/posts",
        POST,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        timeout=3,
    )
    assert answer.status_code == 202


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_idle_connections_and_slow_headers_keep_nobody_waiting(
    stack: Stack, clients: ExitStack, sent: bytes
) -> None:
    for _ in range(100):
        connect(stack, clients, sent)
    assert max(seconds_to_answer(stack, path) for path in ("/", "/livez")) < 3


def test_clients_that_do_not_close_keep_nobody_waiting(stack: Stack, clients: ExitStack) -> None:
    for _ in range(16):
        client = connect(stack, clients, b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert status(client) == 200
    assert seconds_to_answer(stack, "/livez") < 2


@pytest.mark.parametrize("content_type", ["application/json", NDJSON])
@pytest.mark.parametrize("length", ["Content-Length: 5000", "Content-Length: 9000000"])
def test_a_body_below_the_least_rate_is_refused(
    stack: Stack, key: str, clients: ExitStack, content_type: str, length: str
) -> None:
    client = connect(stack, clients, head(key, length, content_type=content_type))
    started = time.monotonic()
    client.settimeout(0.2)
    answer = b""
    while not answer and time.monotonic() - started < 30:
        with suppress(TimeoutError):
            client.sendall(b" ")  # no pause is as long as INGEST_CLIENT_SECONDS
            answer = client.recv(100)
    assert answer.split()[1] == b"400"


def test_a_client_above_the_least_rate_may_send_for_longer(
    stack: Stack, key: str, clients: ExitStack
) -> None:
    client = connect(stack, clients, head(key, "Content-Length: 30001"))
    client.settimeout(0.5)
    for _ in range(15):  # 7.5 s, at 4 kB a second
        client.sendall(b" " * 2000)
        with pytest.raises(TimeoutError):
            client.recv(1)
    client.settimeout(30)
    client.sendall(b" ")
    assert status(client) == 400  # no JSON


@pytest.mark.parametrize("content_type", ["application/json", NDJSON])
@pytest.mark.parametrize("chunks", [b"zz\r\nx\r\n", b"1\r\nxx\r\n", b"-1\r\n", b"5;;\r\nx\r\n"])
def test_a_chunk_that_is_not_valid_is_a_bad_request(
    stack: Stack, key: str, clients: ExitStack, content_type: str, chunks: bytes
) -> None:
    request = head(key, "Transfer-Encoding: chunked", content_type=content_type)
    client = connect(stack, clients, request + chunks + b"0\r\n\r\n")
    assert status(client) == 400


def test_a_form_with_a_chunk_that_is_not_valid_is_no_server_error(
    stack: Stack, clients: ExitStack
) -> None:
    form = "application/x-www-form-urlencoded"
    request = head("", "Transfer-Encoding: chunked", content_type=form).replace(
        b"/api/posts", b"/login"
    )
    assert status(connect(stack, clients, request + b"zz\r\n")) == 403


def test_a_second_request_on_a_connection_is_answered(
    stack: Stack, key: str, clients: ExitStack
) -> None:
    request = head(key, f"Content-Length: {len(POST)}") + POST
    client = connect(stack, clients, request + request)  # pipelined
    answers = client.makefile("rb")
    for _ in range(2):
        lines = list(iter(answers.readline, b"\r\n"))
        assert lines[0].split()[1] == b"202"
        headers = dict(line.lower().split(b":") for line in lines[1:] if line.count(b":") == 1)
        answers.read(int(headers[b"content-length"]))


def test_a_server_stops_accepting_posts_of_a_client_that_has_gone(
    stack: Stack, key: str, clients: ExitStack
) -> None:
    lines = b"".join(
        json.dumps({"publication": "Gone", "content": f"Obama {n}."}).encode() + b"\n"
        for n in range(20_000)
    )
    packed = gzip.compress(lines)
    headers = (f"Content-Length: {len(packed)}", "Content-Encoding: gzip")
    client = connect(stack, clients, head(key, *headers, content_type=NDJSON) + packed)
    assert status(client) == 200
    client.close()
    counts: list[int] = []

    def stands_still() -> bool:
        counts.append(stack.log.read_text().count(" accepted "))
        return len(set(counts[-20:])) == 1 and len(counts) > 20

    wait_until(stands_still, seconds=60, what="no more posts are accepted")
    assert 0 < counts[-1] < 100  # of 200 chunks
