"""The connections to PostgreSQL, in the module where Django looks for them."""

import os
import socket
import time
from collections.abc import Generator
from typing import Any, ClassVar, TypeVar

from django.db.backends.postgresql import base
from psycopg import Connection, IsolationLevel, OperationalError
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout

T = TypeVar("T")

# A statement that has no answer for so long makes us ask whether the server still lives.
SILENT_SECONDS = 1.0
ANSWER_SECONDS = 1.5  # for its answer to that
REST_SECONDS = 1.0  # no request waits again for a server that has just not answered

# The first bytes of a client that would like TLS. The server answers them before any login.
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class WatchedConnection(Connection[Any]):
    """
    A connection that ends once its server answers nobody.

    The kernel of a frozen server still acknowledges what we send. So no option of TCP notices it,
    and no timeout of the server's own ends the statement. A statement may take long, as long as
    the server answers a new client.

    Raises:
        OperationalError: the server does not answer; the connection is closed.
    """

    silent_until: ClassVar[float] = 0.0

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        return super().wait(self._watch(gen), *args, **options)

    def _watch(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        heard_at = time.monotonic()
        try:
            state = next(gen)
            while True:
                ready = yield state
                if ready:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > SILENT_SECONDS:
                    self._ask_server()
                    heard_at = time.monotonic()
                state = gen.send(ready)
        except StopIteration as end:
            found: T = end.value
            return found

    def _ask_server(self) -> None:
        if not _answers(self.pgconn.socket):
            self.pgconn.finish()  # a rollback must not wait, too
            note_silence()
            raise OperationalError("PostgreSQL no longer answers.")


def _answers(connected: int) -> bool:
    """Return whether the server at the other end of a socket answers a new client."""
    with socket.socket(fileno=os.dup(connected)) as own:
        family, address = own.family, own.getpeername()
    try:
        with socket.socket(family) as client:
            client.settimeout(ANSWER_SECONDS)
            client.connect(address)
            client.sendall(SSL_REQUEST)
            return bool(client.recv(1))
    except OSError:
        return False


def note_silence() -> None:
    """Let new connections fail at once for a moment, so that requests do not queue."""
    WatchedConnection.silent_until = time.monotonic() + REST_SECONDS


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's connection to PostgreSQL, over a watched one."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> WatchedConnection:
        if time.monotonic() < WatchedConnection.silent_until:
            raise OperationalError("PostgreSQL did not answer a moment ago.")
        self.isolation_level = IsolationLevel.READ_COMMITTED
        try:
            return WatchedConnection.connect(**conn_params)
        except ConnectionTimeout:
            note_silence()
            raise
