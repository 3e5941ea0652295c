"""
Gunicorn's threaded worker, without a thread for a client that is slow to send its request.

The worker's loop gathers requests. A request gets a thread once it is complete. Bodies that are
larger or of unknown length, and exports, have threads of their own, and so has `/livez`.
"""

import re
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from ingestsite import configuration

HEAD_SECONDS = 10  # for the request line and all headers
MAX_GATHERED_BYTES = 1 << 16  # of a request that has no thread yet
LINGER_SECONDS, LINGER_BYTES = 2.0, 1 << 16  # what a closed connection may still send

REQUESTS, STREAMS, LIVENESS = "requests", "streams", "liveness"

HEAD_END = b"\r\n\r\n"
LIVEZ = re.compile(rb"(GET|HEAD) /livez[? ]")
EXPORT = re.compile(rb"(GET|HEAD) [^? ]*/entities\.(csv|json)[? ]")
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
UNKNOWN_LENGTH = re.compile(rb"\r\n(transfer-encoding|expect):", re.IGNORECASE)


def choose_pool(received: bytes | bytearray) -> str | None:
    """Return the threads for a request, or None while it must be gathered further."""
    end = received.find(HEAD_END)
    if end < 0:
        return REQUESTS if len(received) > MAX_GATHERED_BYTES else None
    head = bytes(received[: end + 2])
    length = LENGTH.search(head)
    body_bytes = int(length[1]) if length else 0
    if UNKNOWN_LENGTH.search(head) or body_bytes > MAX_GATHERED_BYTES or EXPORT.match(head):
        return STREAMS
    if len(received) < end + len(HEAD_END) + body_bytes:
        return None
    return LIVENESS if LIVEZ.match(head) else REQUESTS


class Pace:
    """How long a client may still take to send: it needs a least rate, and has a deadline."""

    def __init__(self) -> None:
        self._patience = float(configuration.CLIENT_SECONDS)
        self._ends_at = time.monotonic() + configuration.BODY_SECONDS

    @property
    def left(self) -> float:
        """The seconds until the client is too slow, if it sends nothing."""
        return min(self._patience, self._ends_at - time.monotonic())

    def count(self, received: int, *, waited: float) -> None:
        """Count bytes that the client sent while we waited for it."""
        earned = self._patience - waited + received / configuration.CLIENT_BYTES_PER_SECOND
        self._patience = min(earned, configuration.CLIENT_SECONDS)

    def end(self) -> None:
        """Wait no longer for this client."""
        self._ends_at = 0.0


class PacedUnreader(SocketUnreader):  # type: ignore[misc]
    """Reads from a client's socket, and raises TimeoutError once the client is too slow."""

    pace: Pace

    def chunk(self, size_hint: int | None = None) -> bytes:
        started, left = time.monotonic(), self.pace.left
        if left <= 0:
            raise TimeoutError
        # Gunicorn waits for less when it discards a body that nobody read.
        self.sock.settimeout(min(left, self.sock.gettimeout() or left))
        data: bytes = super().chunk(size_hint)
        self.pace.count(len(data), waited=time.monotonic() - started)
        self.sock.settimeout(configuration.CLIENT_SECONDS)  # for the answer
        return data


class CheckedReader:
    """Reads a body, and raises OSError for a chunk that is not valid."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._reader.read(size)
        except ParseException as error:
            raise OSError(str(error)) from error
        return data


@dataclass
class Gathering:
    """A connection that has no thread: what to do when it is readable, and when its time ends."""

    on_readable: Callable[[], None]
    on_timeout: Callable[[], None]
    ends_at: float
    pace: Pace = field(default_factory=Pace)
    received: bytearray = field(default_factory=bytearray)
    changed_at: float = field(default_factory=time.monotonic)


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker whose threads wait for no client that is slow to send."""

    def get_thread_pool(self) -> ThreadPoolExecutor:
        self._gathering: dict[Any, Gathering] = {}
        self._pools = {
            REQUESTS: ThreadPoolExecutor(configuration.WEB_THREADS),
            STREAMS: ThreadPoolExecutor(configuration.WEB_STREAMS),
            LIVENESS: ThreadPoolExecutor(1),
        }
        return self._pools[REQUESTS]

    def enqueue_req(self, conn: Any) -> None:
        """Gather the next request of a connection, and give it a thread once it is complete."""
        conn.init()
        if not isinstance(conn.parser.unreader, PacedUnreader):
            conn.parser.unreader = PacedUnreader(conn.sock)
        gathering = Gathering(
            on_readable=partial(self._gather, conn),
            on_timeout=partial(self._close, conn),
            ends_at=time.monotonic() + HEAD_SECONDS,
            received=bytearray(conn.parser.unreader.take_buffered()),
        )
        self._gathering[conn] = gathering
        conn.sock.setblocking(False)
        self._gather(conn)  # most requests have arrived already
        if conn in self._gathering:
            self._listen(conn, gathering)

    def _gather(self, conn: Any) -> None:
        gathering = self._gathering[conn]
        try:
            data = conn.sock.recv(MAX_GATHERED_BYTES)
            gathering.received += data
            has_ended = not data
        except BlockingIOError:
            data, has_ended = b"", False
        except OSError:
            has_ended = True
        pool = choose_pool(gathering.received)
        if pool:
            self._dispatch(conn, pool)
        elif not has_ended:
            self._await_body(conn, gathering, len(data))
        elif HEAD_END in gathering.received:
            self._dispatch(conn, REQUESTS)  # the application answers a body that is cut off
        else:
            self._close(conn)

    def _await_body(self, conn: Any, gathering: Gathering, received: int) -> None:
        """Give a client that has sent its headers the time of its pace for the body."""
        now = time.monotonic()
        if HEAD_END in gathering.received:
            gathering.pace.count(received, waited=now - gathering.changed_at)
            gathering.ends_at = now + gathering.pace.left
            gathering.on_timeout = partial(self._refuse_slow, conn)
        gathering.changed_at = now

    def _refuse_slow(self, conn: Any) -> None:
        """Let the application answer a body that arrives too slowly."""
        self._gathering[conn].pace.end()
        self._dispatch(conn, REQUESTS)

    def _dispatch(self, conn: Any, pool: str) -> None:
        gathering = self._unregister(conn)
        conn.data_ready = True
        conn.parser.unreader.unread(bytes(gathering.received))
        conn.parser.unreader.pace = gathering.pace
        future = self._pools[pool].submit(self.handle, conn)
        future.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def handle_request(self, req: Any, conn: Any) -> Any:
        req.body.reader = CheckedReader(req.body.reader)
        conn.sock.settimeout(configuration.CLIENT_SECONDS)  # for a client that does not read
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        """Keep a connection, or close it without waiting in the loop for its client."""
        if not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
            return
        with suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
        lingering = Gathering(
            on_readable=partial(self._linger, conn),
            on_timeout=partial(self._close, conn),
            ends_at=time.monotonic() + LINGER_SECONDS,
        )
        self._gathering[conn] = lingering
        self._listen(conn, lingering)

    def _linger(self, conn: Any) -> None:
        """Read what a client still sends, since a reset could cost it our answer."""
        lingering = self._gathering[conn]
        try:
            data = conn.sock.recv(LINGER_BYTES)
        except OSError:
            data = b""
        lingering.received += data
        if not data or len(lingering.received) > LINGER_BYTES:
            self._close(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections that were idle for too long, unless a request has just come on one."""
        now = time.monotonic()
        # The longest idle come first, and this runs after every request.
        over = takewhile(lambda conn: conn.timeout <= now and not force, self.keepalived_conns)
        for conn in list(over):
            if _has_data(conn.sock):
                self.on_client_socket_readable(conn, conn.sock)
        super().murder_keepalived(force)

    def murder_pending(self) -> None:
        """End the wait for connections whose time is over."""
        now = time.monotonic()
        for gathering in list(self._gathering.values()):
            if not self.alive and not gathering.received:  # no request is lost with it
                gathering.ends_at = min(gathering.ends_at, now + STOP_KEEPALIVE_LINGER)
            if gathering.ends_at <= now:
                gathering.on_timeout()

    def _listen(self, conn: Any, gathering: Gathering) -> None:
        try:
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: gathering.on_readable())
        except (OSError, ValueError):  # closed
            gathering.ends_at = 0.0

    def _unregister(self, conn: Any) -> Gathering:
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        return self._gathering.pop(conn)

    def _close(self, conn: Any) -> None:
        self._unregister(conn)
        self.nr_conns -= 1
        conn.close()


def _has_data(sock: socket.socket) -> bool:
    """Return whether a socket that does not block has data to read."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:
        return False
