"""A client of the API, for programs that send posts and read counts."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import requests

TIMEOUT_SECONDS = 60  # for one response
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


class ApiClient:
    """A client of one server, with one API key."""

    def __init__(self, url: str, key: str, *, priority: str | None = None) -> None:
        """Make a client; its posts are bulk posts if the priority says so."""
        self._url = url
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

    def submit(self, posts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send posts as one list, and return the result of each, also if all are refused."""
        return self.submit_encoded([json.dumps(post).encode() for post in posts])

    def submit_encoded(self, posts: Sequence[bytes]) -> list[dict[str, Any]]:
        """Send posts that are encoded as JSON already, as `submit` does."""
        body = b"[" + b",".join(posts) + b"]"
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._call("POST", self._posts, data=body, headers=headers)
        except ApiError as error:
            if error.status == 422 and error.problem.get("errors"):
                return _all_refused(error.problem["errors"], len(posts))
            raise
        results: list[dict[str, Any]] = answer["posts"]
        return results

    def limits(self) -> dict[str, Any]:
        """Return the maximum size of a request, and the requests a minute this key may make."""
        return self._call("GET", "/api/limits")

    def post(self, post_id: str) -> dict[str, Any]:
        """Return the status of a post; the URL from its 202 also knows a queued post."""
        return self._call("GET", f"/api/posts/{post_id}")

    def delete(self, post_id: str) -> dict[str, Any]:
        """Delete a post, and subtract it from the counts."""
        return self._call("DELETE", f"/api/posts/{post_id}")

    def status(self) -> dict[str, Any]:
        """Return whether posts are accepted, and how many messages are queued or in progress."""
        return self._call("GET", "/api/status")

    def publications(self) -> list[dict[str, Any]]:
        """Return every publication, sorted by name."""
        return list(self._pages("/api/publications", "publications"))

    def entities(self, publication: str) -> Iterator[dict[str, Any]]:
        """Yield every entity of a publication, the most mentioned first."""
        path = f"/api/publications/{quote(publication, safe='')}/entities?limit=100"
        return self._pages(path, "entities")

    def _pages(self, path: str, items: str) -> Iterator[dict[str, Any]]:
        while path:
            page = self._call("GET", path)
            yield from page[items]
            path = page["next"]

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
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


def _all_refused(errors: Sequence[dict[str, str]], count: int) -> list[dict[str, Any]]:
    """Return a result for each post of a list that was refused as a whole."""
    results: list[dict[str, Any]] = [{"status": "refused", "errors": []} for _ in range(count)]
    for error in errors:
        results[int(error["pointer"].split("/")[1])]["errors"].append(error)
    return results
