"""A TCP proxy that can cut connections, lose an answer, or deliver one late."""

import socket
import threading
from contextlib import suppress

CHUNK_BYTES = 1 << 16
MIN_COMMIT_BYTES = 1500  # a commit sends more at once, and any other request less
MAX_CONFIRMATION_BYTES = 100  # a smaller answer only confirms what the server received


class Line:
    """
    Forward connections from a free port to a port on loopback.

    Args:
        commit: the bytes that a commit has; Firestore's is known by its size.
    """

    def __init__(self, target: int, *, commit: bytes = b"") -> None:
        self._target = target
        self._commit = commit
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._open = True
        self._lose_next = False
        self._answers_flow = threading.Event()
        self._answers_flow.set()
        self._answer_only: set[tuple[socket.socket, socket.socket]] = set()
        self.answers_lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection, and refuse new ones."""
        self._open = False
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._close(pair)

    def restore(self) -> None:
        """Accept connections again."""
        self._open = True

    def lose_next_answer(self) -> None:
        """Forward the next commit, and close its connection before the answer."""
        self._lose_next = True

    def hold_answers(self) -> None:
        """Forward requests, and keep their answers back."""
        self._answers_flow.clear()

    def answer_late(self) -> None:
        """Deliver the kept answers, and forward no more requests on open connections."""
        with self._lock:
            self._answer_only = set(self._pairs)
        self._answers_flow.set()

    def _commits(self, data: bytes) -> bool:
        return self._commit in data if self._commit else len(data) > MIN_COMMIT_BYTES

    def _accept(self) -> None:
        while True:
            client, _ = self._server.accept()
            try:
                if not self._open:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            committing = threading.Event()
            for pump in (self._requests, self._answers):
                threading.Thread(target=pump, args=(pair, committing), daemon=True).start()

    def _requests(
        self, pair: tuple[socket.socket, socket.socket], committing: threading.Event
    ) -> None:
        client, server = pair
        with suppress(OSError):
            while data := client.recv(CHUNK_BYTES):
                if self._lose_next and self._commits(data):
                    self._lose_next = False
                    committing.set()
                if pair not in self._answer_only:
                    server.sendall(data)
        self._close(pair)

    def _answers(
        self, pair: tuple[socket.socket, socket.socket], committing: threading.Event
    ) -> None:
        client, server = pair
        with suppress(OSError):
            while data := server.recv(CHUNK_BYTES):
                if committing.is_set() and (self._commit or len(data) > MAX_CONFIRMATION_BYTES):
                    self.answers_lost += 1
                    break
                self._answers_flow.wait()
                client.sendall(data)
        self._close(pair)

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for side in pair:
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()
