"""
Polite requests: one at a time for each host, within robots.txt, and with a back-off.

A host that answers 429 or 503 is left alone for as long as its Retry-After says. Without one, the
pause doubles after each failure.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import requests

from ingest.client import seconds_of_retry_after

AGENT = "ingest-follow"
TIMEOUT_SECONDS = 30  # without a byte
MAX_BYTES = 10_000_000  # of an answer
HOST_SECONDS = 1  # between two requests to a host; a Crawl-delay may make it more
MAX_CRAWL_SECONDS = 60
ROBOTS_SECONDS = 24 * 3600  # until robots.txt is read again
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 60, 24 * 3600


class NotFetched(Exception):
    """An address gave nothing to read; the text says why."""

    def __init__(self, why: str, *, for_good: bool = False, seconds: float | None = None) -> None:
        super().__init__(why)
        self.for_good = for_good
        self.seconds = seconds  # to wait, if the host says so


@dataclass
class Answer:
    """What an address answered: None as body if it has not changed since the last time."""

    url: str
    body: bytes | None
    headers: Mapping[str, str]
    moved_to: str | None = None  # where the address has moved for good


@dataclass
class Host:
    """What is known of one host. Its lock lets one request through at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    next_at: float = 0
    delay: float = HOST_SECONDS
    robots: RobotFileParser | None = None
    robots_until: float = 0


class Fetcher:
    """
    A client of the web.

    Args:
        wait: sleeps for some seconds; a test need not.
        host_seconds: the pause between two requests to a host.
    """

    def __init__(
        self, *, wait: Callable[[float], object] = time.sleep, host_seconds: float = HOST_SECONDS
    ) -> None:
        self._wait = wait
        self._host_seconds = host_seconds
        self._session = requests.Session()
        self._session.headers["User-Agent"] = AGENT
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """
        Read an address, in its host's turn.

        Raises:
            NotFetched: robots.txt forbids it, or there is no answer to use.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NotFetched("it is no address of http or https", for_good=True)
        with self._lock:
            host = self._hosts.setdefault(parts.netloc, Host(delay=self._host_seconds))
        with host.lock:
            self._check_robots(host, url)
            return self._request(host, url, headers or {})

    def _request(self, host: Host, url: str, headers: Mapping[str, str]) -> Answer:
        self._wait(max(0.0, host.next_at - time.monotonic()))
        try:
            with self._session.get(
                url, headers=dict(headers), timeout=TIMEOUT_SECONDS, stream=True
            ) as response:
                return _answer(response, url)
        except requests.RequestException as error:
            raise NotFetched(f"no answer: {type(error).__name__}") from error
        finally:
            host.next_at = time.monotonic() + host.delay

    def _check_robots(self, host: Host, url: str) -> None:
        if host.robots is None or time.monotonic() > host.robots_until:
            host.robots = self._read_robots(host, url)
            host.robots_until = time.monotonic() + ROBOTS_SECONDS
            delay = host.robots.crawl_delay(AGENT)
            host.delay = max(self._host_seconds, min(float(delay or 0), MAX_CRAWL_SECONDS))
        if not host.robots.can_fetch(AGENT, url):
            raise NotFetched("robots.txt forbids it", for_good=True)

    def _read_robots(self, host: Host, url: str) -> RobotFileParser:
        """Read the rules of a host; one without any allows everything (RFC 9309)."""
        parts = urlsplit(url)
        robots = RobotFileParser()
        lines: list[str] = []
        try:
            answer = self._request(host, f"{parts.scheme}://{parts.netloc}/robots.txt", {})
            lines = (answer.body or b"").decode("utf-8", "replace").splitlines()
        except NotFetched as error:
            if not error.for_good:
                raise NotFetched(f"robots.txt: {error}", seconds=error.seconds) from error
        robots.parse(lines)
        return robots


def _answer(response: requests.Response, url: str) -> Answer:
    status = HTTPStatus(response.status_code) if response.status_code < 600 else None
    if status == HTTPStatus.NOT_MODIFIED:
        return Answer(url, None, response.headers)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        seconds = seconds_of_retry_after(response.headers.get("Retry-After"))
        raise NotFetched(f"the host says {response.status_code}", seconds=seconds)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        is_for_good = response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        raise NotFetched(f"the host says {response.status_code}", for_good=is_for_good)
    body = b""
    for chunk in response.iter_content(65_536):
        body += chunk
        if len(body) > MAX_BYTES:
            raise NotFetched(f"it has more than {MAX_BYTES} bytes", for_good=True)
    return Answer(response.url, body, response.headers, _moved_to(response))


def _moved_to(response: requests.Response) -> str | None:
    """Return the last address, if every redirect to it is for good."""
    steps = response.history
    is_for_good = steps and all(step.status_code in (301, 308) for step in steps)
    return response.url if is_for_good else None


def pause_seconds(failures: int, error: NotFetched) -> float:
    """Return how long to leave an address alone after so many failures in a row."""
    doubled = min(MIN_PAUSE_SECONDS * 2 ** min(failures, 20), MAX_PAUSE_SECONDS)
    return doubled if error.seconds is None else error.seconds


def header(answer: Answer, name: str) -> str | None:
    """Return a header of an answer, if it can be sent back."""
    value = answer.headers.get(name)
    with suppress(UnicodeEncodeError, AttributeError):
        value.encode("latin-1")  # type: ignore[union-attr]
        return value
    return None
