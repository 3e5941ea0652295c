"""A client that sends posts until the service accepts them."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import requests

from ingest.client import ApiClient, ApiError

# A client's own pause between two tries: no answer tells it when to come again.
PAUSE_SECONDS = 0.2


class Sender:
    """What several threads send, and which posts the service accepted."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client
        self.sent: dict[str, tuple[str, str]] = {}  # publication and text, by post id
        self._lock = threading.Lock()

    def send(self, posts: Sequence[dict[str, str]]) -> None:
        """Send one request of posts until it is accepted."""
        while True:
            try:
                answers = self.client.submit(posts)
                break
            except (ApiError, requests.RequestException):
                time.sleep(PAUSE_SECONDS)
        with self._lock:
            for post, answer in zip(posts, answers, strict=True):
                assert answer["status"] == "accepted", answer
                self.sent[answer["id"]] = (post["publication"], post["content"])

    def send_in_lists(self, posts: Sequence[dict[str, str]], *, size: int) -> None:
        """Send all posts, so many in a request."""
        for start in range(0, len(posts), size):
            self.send(posts[start : start + size])


def status_of(client: ApiClient) -> dict[str, Any]:
    """Return the service's status, or nothing while it does not answer."""
    try:
        return dict(client.status())
    except (ApiError, requests.RequestException):
        return {}


def is_empty(client: ApiClient) -> bool:
    """Return whether no message waits or is in progress, as far as the service knows."""
    return bool(status_of(client).get("empty"))
