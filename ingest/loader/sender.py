"""Send rows over a connection in requests, and back off together when the server says so."""

import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any, TypeVar

import requests

from ingest.client import ApiClient, ApiError
from ingest.core.posts import publication_key
from ingest.loader.reading.rows import Row

MAX_PAUSE_SECONDS = 30  # between two requests, where the server names no time
BRACKET_BYTES = 2  # of a list, beside its posts and their commas

Answer = TypeVar("Answer")
Results = Sequence[Mapping[str, Any]]
OnResults = Callable[[Sequence[Row], Results], None]


class FatalError(Exception):
    """The server refuses the requests of this client for good."""


class Stopped(Exception):
    """A signal stopped the load."""

    def __str__(self) -> str:
        return "a signal stopped the load"


class Backoff:
    """
    When the next request may be sent, for all connections together.

    A Retry-After of the server is always obeyed, without a limit. Without one, the pause doubles
    after each failure, and FatalError ends the load after `timeout_seconds` without an answer.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        self.stopping = threading.Event()
        self.reason = ""  # why no request is sent now
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._next_at = self._answered_at = time.monotonic()
        self._failures = 0

    def ask(
        self,
        call: Callable[[], Answer],
        *,
        say: Callable[[str], None],
        seconds: float = math.inf,
    ) -> Answer:
        """
        Repeat a call until the server answers it, or for some seconds.

        Raises:
            FatalError: no repetition can help, or the time is over.
            Stopped: a signal came while it waited.
        """
        ends_at = time.monotonic() + seconds
        while True:
            try:
                answer = call()
            except (ApiError, requests.RequestException) as error:
                before = self.reason
                self.back_off(error)
                if self._next_at > ends_at:
                    raise FatalError(self.reason) from error
                if self.reason != before:
                    say(f"waiting, {self.reason}")
                self.wait()
            else:
                self.reset()
                return answer

    def wait(self) -> None:
        """Wait until a request may be sent; raise Stopped after a signal."""
        while not self.stopping.is_set():
            seconds = self._next_at - time.monotonic()
            if seconds <= 0:
                return
            self.stopping.wait(seconds)
        raise Stopped

    def reset(self) -> None:
        """Note that the server has answered a request."""
        with self._lock:
            self._answered_at = time.monotonic()
            self._failures = 0
            self.reason = ""

    def back_off(self, error: ApiError | requests.RequestException) -> None:
        """Delay the next request, or raise FatalError."""
        retry_after = _retry_after(error)
        with self._lock:
            now = time.monotonic()
            if retry_after is not None:
                self._answered_at = now
            elif now - self._answered_at > self._timeout_seconds:
                message = f"no answer for {self._timeout_seconds:g} s: {error}"
                raise FatalError(message) from error
            if now >= self._next_at:  # else another connection has counted this failure
                self._failures += 1
            pause = min(2**self._failures, MAX_PAUSE_SECONDS)
            if retry_after is not None:
                pause = retry_after
            self._next_at = max(self._next_at, now + pause * random.uniform(1, 1.2))
            self.reason = _describe(error)


def _retry_after(error: ApiError | requests.RequestException) -> float | None:
    """Return the seconds of Retry-After; raise FatalError if a repetition cannot help."""
    if not isinstance(error, ApiError):
        return None
    if error.status in (429, 503):
        return error.retry_after
    if error.status >= 500 or error.status == 408:
        return None
    raise FatalError(_describe(error)) from error


def _describe(error: ApiError | requests.RequestException) -> str:
    if isinstance(error, ApiError):
        return f"{error.status}: {error.problem.get('detail') or error}"
    return f"no connection: {type(error).__name__}"


@dataclass(frozen=True)
class RequestSize:
    """The most that one request may hold."""

    posts: int
    bytes: int


class Sender:
    """
    One connection, which sends its rows in their order, the waiting ones in one request.

    Args:
        on_results: called with the rows of a request and their results.
    """

    def __init__(
        self,
        client: ApiClient,
        backoff: Backoff,
        max_request: RequestSize,
        on_results: OnResults,
    ) -> None:
        self._client = client
        self._backoff = backoff
        self._max_request = max_request
        self._on_results = on_results
        self._rows: Queue[Row | None] = Queue(max_request.posts)
        self._next: Row | None = None
        self._ended = False

    def put(self, row: Row) -> None:
        """Add a row, once there is room for it."""
        self._rows.put(row)

    def end(self) -> None:
        """End the sender after the rows it has."""
        self._rows.put(None)

    def run(self) -> None:
        """Send rows until the last; after a failure empty the queue without sending."""
        try:
            while batch := self._take_batch():
                self._send(batch)
        except Stopped:
            pass
        except BaseException:
            self._backoff.stopping.set()  # for the other senders
            raise
        finally:
            while not self._ended:
                self._take(wait=True)

    def _take_batch(self) -> list[Row]:
        """Wait for a row, and return it with the waiting rows that fit into a request."""
        batch: list[Row] = []
        size = BRACKET_BYTES
        while len(batch) < self._max_request.posts:
            row = self._next or self._take(wait=not batch)
            self._next = None
            if row is None:
                break
            size += len(row.body) + 1
            if batch and size > self._max_request.bytes:
                self._next = row
                break
            batch.append(row)
        return batch

    def _take(self, *, wait: bool) -> Row | None:
        if self._ended:
            return None
        try:
            row = self._rows.get(block=wait)
        except Empty:
            return None
        self._ended = row is None
        return row

    def _send(self, rows: Sequence[Row]) -> None:
        """Send rows until the server answers, in halves if they are too large for a request."""
        try:
            self._on_results(rows, self._answer(rows))
        except ApiError:  # 413
            if len(rows) == 1:
                self._on_results(rows, [_too_large()])
                return
            half = len(rows) // 2
            self._send(rows[:half])
            self._send(rows[half:])

    def _answer(self, rows: Sequence[Row]) -> Results:
        """Return the results of rows; raise ApiError if they are too large for a request."""
        while True:
            self._backoff.wait()
            try:
                results = self._client.submit_encoded([row.body for row in rows])
            except (ApiError, requests.RequestException) as error:
                if isinstance(error, ApiError) and error.status == 413:
                    raise
                self._backoff.back_off(error)
            else:
                self._backoff.reset()
                return results


def _too_large() -> dict[str, Any]:
    error = {"pointer": "", "detail": "is larger than a request may be"}
    return {"status": "refused", "errors": [error]}


def sender_of(row: Row, senders: int) -> int:
    """Return the index of a post's sender: the same for all its edits, since the last counts."""
    assert row.post is not None
    own = row.post.get("id") or row.post.get("content")
    return hash((publication_key(str(row.post.get("publication"))), str(own))) % senders
