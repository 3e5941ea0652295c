"""Over how many connections rows are sent, how many together, and when not at all."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any

import requests

from ingest.client import ApiClient, ApiError
from ingest.core.posts import publication_key
from ingest.loader.readers import Row

MAX_PAUSE_SECONDS = 30  # seconds between two attempts, where the server says nothing of it
BRACKET_BYTES = 2  # bytes of a list beside its posts and their commas

Results = Sequence[dict[str, Any]]
Settle = Callable[[Sequence[Row], Results], None]


class FatalError(Exception):
    """The server will not take posts of this client, however often they are sent."""


class Stopped(Exception):
    """Somebody wants the load to stop."""


class Backoff:
    """
    When the next request may go out, for all connections together.

    What the server tells to wait is waited, for ever; without a word from it, longer each time.
    """

    def __init__(self, *, patience: float) -> None:
        self.stopping = threading.Event()
        self.waits_for = ""  # why nothing is sent just now
        self._patience = patience
        self._lock = threading.Lock()
        self._next = self._well = time.monotonic()
        self._failures = 0

    def wait(self) -> None:
        """Wait until a request may go out; Stopped if none may any more."""
        while not self.stopping.is_set():
            left = self._next - time.monotonic()
            if left <= 0:
                return
            self.stopping.wait(left)
        raise Stopped

    def went_well(self) -> None:
        """Note that the server takes posts."""
        with self._lock:
            self._well = time.monotonic()
            self._failures = 0
            self.waits_for = ""

    def back_off(self, error: ApiError | requests.RequestException) -> None:
        """Put the next request off, or raise Hopeless."""
        told = _retry_after(error)
        with self._lock:
            now = time.monotonic()
            if told is not None:
                self._well = now
            elif now - self._well > self._patience:
                raise FatalError(f"no answer for {self._patience:g} s: {error}") from error
            if now >= self._next:  # else another connection has said so already
                self._failures += 1
            pause = told if told is not None else min(2**self._failures, MAX_PAUSE_SECONDS)
            self._next = max(self._next, now + pause * random.uniform(1, 1.2))
            self.waits_for = _in_words(error)


def _retry_after(error: ApiError | requests.RequestException) -> float | None:
    """Return how long the server says to wait; what can't get better is Hopeless."""
    if not isinstance(error, ApiError):
        return None
    if error.status in (429, 503):
        return error.retry_after
    if error.status >= 500 or error.status == 408:
        return None
    raise FatalError(_in_words(error)) from error


def _in_words(error: ApiError | requests.RequestException) -> str:
    if isinstance(error, ApiError):
        return f"{error.status}: {error.problem.get('detail') or error}"
    return f"no connection: {type(error).__name__}"


@dataclass(frozen=True)
class RequestSize:
    """What one request may bring."""

    posts: int
    bytes: int


class Sender:
    """
    One connection, which sends its rows in their order, those that wait together.

    Args:
        settle: is told the result of each row.
    """

    def __init__(self, client: ApiClient, pace: Backoff, most: RequestSize, settle: Settle) -> None:
        self._client = client
        self._pace = pace
        self._most = most
        self._settle = settle
        self._rows: Queue[Row | None] = Queue(most.posts)
        self._next: Row | None = None
        self._ended = False

    def put(self, row: Row) -> None:
        """Add a row, once there is room for it."""
        self._rows.put(row)

    def end(self) -> None:
        """Say that no more rows come."""
        self._rows.put(None)

    def run(self) -> None:
        """Send rows until the last; after a failure take them all the same, and send none."""
        try:
            while batch := self._gather():
                self._send(batch)
        except Stopped:
            pass
        except BaseException:
            self._pace.stopping.set()  # for the other lanes
            raise
        finally:
            while not self._ended:
                self._take(wait=True)

    def _gather(self) -> list[Row]:
        """Take the rows that wait, and the first one however long it takes."""
        batch: list[Row] = []
        size = BRACKET_BYTES
        while len(batch) < self._most.posts:
            row = self._next or self._take(wait=not batch)
            self._next = None
            if row is None:
                break
            size += len(row.body) + 1
            if batch and size > self._most.bytes:
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
        """Send rows until they are answered, in parts if they are too much for one request."""
        try:
            self._settle(rows, self._answer(rows))
        except ApiError:  # 413
            if len(rows) == 1:
                self._settle(rows, [_too_large()])
                return
            half = len(rows) // 2
            self._send(rows[:half])
            self._send(rows[half:])

    def _answer(self, rows: Sequence[Row]) -> Results:
        """Return the results of rows; ApiError if they are more than a request may bring."""
        while True:
            self._pace.wait()
            try:
                results = self._client.submit_encoded([row.body for row in rows])
            except (ApiError, requests.RequestException) as error:
                if isinstance(error, ApiError) and error.status == 413:
                    raise
                self._pace.back_off(error)
            else:
                self._pace.went_well()
                return results


def _too_large() -> dict[str, Any]:
    error = {"pointer": "", "detail": "is larger than one request may be"}
    return {"status": "refused", "errors": [error]}


def sender_of(row: Row, lanes: int) -> int:
    """Return which lane a post takes: always the same one, since of its edits the last counts."""
    assert row.post is not None
    own = row.post.get("id") or row.post.get("content")
    return hash((publication_key(str(row.post.get("publication"))), str(own))) % lanes
