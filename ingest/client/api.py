"""The client, its errors, and when it sends a request again."""

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import Any, Literal, cast
from urllib.parse import quote, urlencode, urlsplit

import requests

from ingest.client.answers import (
    ApiEntity,
    ApiFailedPost,
    ApiFieldError,
    ApiFoundEntity,
    ApiLimits,
    ApiMention,
    ApiPost,
    ApiPostState,
    ApiPublication,
    ApiResult,
    ApiStatus,
)

TIMEOUT_SECONDS = 60  # for one response
MAX_PAUSE_SECONDS = 30  # where the server names none
LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))


class ApiError(Exception):
    """The API answered with a redirect or an error."""

    def __init__(self, response: requests.Response) -> None:
        reason = response.headers.get("Location") or response.text[:500]
        super().__init__(f"{response.status_code} for {response.url}: {reason}")
        self.status = response.status_code
        self.retry_after = seconds_of_retry_after(response.headers.get("Retry-After"))
        self.problem = _problem(response)


def seconds_of_retry_after(text: str | None) -> float | None:
    """Read Retry-After, which is a number of seconds or a date (RFC 9110)."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    date = parsedate_tz(text)
    return None if date is None else max(0.0, mktime_tz(date) - time.time())


def _problem(response: requests.Response) -> dict[str, Any]:
    """Return the problem in a response; empty if the body is no JSON, as of a proxy."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def seconds_until_repetition(
    error: ApiError | requests.RequestException, failures: int
) -> float | None:
    """
    Return how long to wait before the same request may succeed; None if it never will.

    It is what Retry-After says. Without one, pauses double after each failure.
    """
    pause = min(2.0**failures, MAX_PAUSE_SECONDS)
    if isinstance(error, ApiError):
        if error.retry_after is not None:
            pause = error.retry_after
        elif error.status < 500 and error.status not in (408, 429):
            return None
    elif not isinstance(error, requests.ConnectionError | requests.Timeout):
        return None
    return pause * random.uniform(1, 1.2)  # clients do not come back all at once


class ApiClient:
    """
    A client of one server, with one API key.

    Args:
        url: the address of the server.
        key: the secret of the key.
        priority: `bulk` makes its posts wait for others.
        patience_seconds: how long a call repeats a request that may succeed later. A repetition is
            safe, since no post counts twice.

    Raises:
        ApiError: from every call, for an answer that is no success.
        requests.RequestException: from every call, if no answer came.
    """

    def __init__(
        self, url: str, key: str, *, priority: str | None = None, patience_seconds: float = 0
    ) -> None:
        self._url = url
        self._patience_seconds = patience_seconds
        self._posts = "/api/posts" + (f"?priority={priority}" if priority else "")
        self._session = requests.Session()
        # The proxy in HTTP_PROXY cannot reach a server on this machine.
        is_local = urlsplit(url).hostname in LOOPBACK
        self._proxies = {"no_proxy": "*"} if is_local else None
        self._session.headers["Authorization"] = f"Bearer {key}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that authenticate a request, for calls this client has no method for."""
        return {"Authorization": str(self._session.headers["Authorization"])}

    def submit(self, posts: Sequence[Mapping[str, Any]]) -> list[ApiResult]:
        """Send posts as one list, and return the result of each, also if all are refused."""
        return self.submit_encoded([json.dumps(post).encode() for post in posts])

    def submit_encoded(self, posts: Sequence[bytes]) -> list[ApiResult]:
        """Send posts that are encoded as JSON already, as `submit` does."""
        body = b"[" + b",".join(posts) + b"]"
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._call("POST", self._posts, data=body, headers=headers)
        except ApiError as error:
            if error.status == 422 and error.problem.get("errors"):
                return _all_refused(error.problem["errors"], len(posts))
            raise
        return cast(list[ApiResult], answer["posts"])

    def limits(self) -> ApiLimits:
        """Return the maximum size of a request, and the requests a minute this key may make."""
        return cast(ApiLimits, self._call("GET", "/api/limits"))

    def post(self, post_id: str) -> ApiPostState:
        """Return the state of a post; the URL from its 202 also knows a queued post."""
        return cast(ApiPostState, self._call("GET", f"/api/posts/{post_id}"))

    def delete(self, post_id: str) -> ApiPostState:
        """Delete a post, and subtract it from the counts."""
        return cast(ApiPostState, self._call("DELETE", f"/api/posts/{post_id}"))

    def status(self) -> ApiStatus:
        """Return whether posts are accepted, and how many messages are queued or in progress."""
        return cast(ApiStatus, self._call("GET", "/api/status"))

    def publications(self) -> list[ApiPublication]:
        """Return every publication, sorted by name."""
        return list(self._pages("/api/publications", "publications"))

    def entities(self, publication: str) -> Iterator[ApiEntity]:
        """Yield every entity of a publication, the most mentioned first."""
        return self._pages(f"{_path_of(publication)}/entities?limit=100", "entities")

    def posts(self, publication: str) -> Iterator[ApiPost]:
        """Yield every saved post of a publication, the newest first."""
        return self._pages(f"{_path_of(publication)}/posts?limit=100", "posts")

    def mentions(self, entity_id: str) -> Iterator[ApiMention]:
        """Yield every post that mentions an entity, the newest first, with the sentence."""
        return self._pages(f"/api/entities/{quote(entity_id, safe='')}/posts?limit=100", "posts")

    def failed_posts(self, state: Literal["dead", "refused"]) -> Iterator[ApiFailedPost]:
        """Yield the posts of this key that are dead letters or were refused, the oldest first."""
        return self._pages(f"/api/posts?{urlencode({'state': state})}", "posts")

    def search(self, words: str) -> list[ApiFoundEntity]:
        """Return the names with words that begin so, the most mentioned first."""
        answer = self._call("GET", f"/api/entities?{urlencode({'q': words})}")
        return cast(list[ApiFoundEntity], answer["entities"])

    def _pages(self, path: str | None, items: str) -> Iterator[Any]:
        """Yield what is on a page and on those after it, each read when it is needed."""
        while path:
            page = self._call("GET", path)
            yield from page[items]
            path = page["next"]

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Return an answer, and repeat the request for as long as the client has patience."""
        ends_at = time.monotonic() + self._patience_seconds
        failures = 0
        while True:
            try:
                return self._ask(method, path, **options)
            except (ApiError, requests.RequestException) as error:
                pause = seconds_until_repetition(error, failures)
                if pause is None or time.monotonic() + pause > ends_at:
                    raise
            failures += 1
            time.sleep(pause)

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        # Following a redirect would turn a POST into a GET.
        response = self._session.request(
            method,
            self._url + path,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            proxies=self._proxies,
            **options,
        )
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise ApiError(response)
        answer: dict[str, Any] = response.json()
        return answer


def _path_of(publication: str) -> str:
    return f"/api/publications/{quote(publication, safe='')}"


def _all_refused(errors: Sequence[ApiFieldError], count: int) -> list[ApiResult]:
    """Return a result for each post of a list that was refused as a whole."""
    of_posts: list[list[ApiFieldError]] = [[] for _ in range(count)]
    for error in errors:
        of_posts[int(error["pointer"].split("/")[1])].append(error)
    return [{"status": "refused", "errors": own} for own in of_posts]
