"""The API from the other side: what a program that sends posts and reads counts needs."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import requests

TIMEOUT_SECONDS = 60  # for one answer


class ApiError(Exception):
    """The API answered something else than what was asked for."""

    def __init__(self, response: requests.Response) -> None:
        said = response.headers.get("Location") or response.text[:500]
        super().__init__(f"{response.status_code} for {response.url}: {said}")
        self.status = response.status_code
        self.retry_after = _seconds(response.headers.get("Retry-After"))
        self.problem = _problem(response)


def _seconds(text: str | None) -> float | None:
    """Read Retry-After, which is a number of seconds or a date (RFC 9110)."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    date = parsedate_tz(text)
    return None if date is None else max(0.0, mktime_tz(date) - time.time())


def _problem(response: requests.Response) -> dict[str, Any]:
    """Return what the answer says is wrong; a proxy's page in HTML says nothing."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


class ApiClient:
    """A client of one host, with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    @property
    def headers(self) -> dict[str, str]:
        """Who sends a request, for one that this client has no method for."""
        return {"Authorization": str(self._session.headers["Authorization"])}

    def submit(self, posts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send posts as one list, and return what became of each, though it be refused."""
        return self.submit_encoded([json.dumps(post).encode() for post in posts])

    def submit_encoded(self, posts: Sequence[bytes]) -> list[dict[str, Any]]:
        """Do as `submit` does with posts that are JSON already."""
        body = b"[" + b",".join(posts) + b"]"
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._call("POST", "/api/posts", data=body, headers=headers)
        except ApiError as error:
            if error.status == 422 and error.problem.get("errors"):
                return _all_refused(error.problem["errors"], len(posts))
            raise
        results: list[dict[str, Any]] = answer["posts"]
        return results

    def limits(self) -> dict[str, Any]:
        """Return what one request may bring, and how many requests a minute this key may make."""
        return self._call("GET", "/api/limits")

    def post(self, post_id: str) -> dict[str, Any]:
        """Return what became of a post; its address when it was accepted tells more."""
        return self._call("GET", f"/api/posts/{post_id}")

    def delete(self, post_id: str) -> dict[str, Any]:
        """Take a post out of the counts."""
        return self._call("DELETE", f"/api/posts/{post_id}")

    def status(self) -> dict[str, Any]:
        """Return whether posts are taken in, and what is on its way."""
        return self._call("GET", "/api/status")

    def publications(self) -> list[dict[str, Any]]:
        """Return every publication, by name."""
        return list(self._pages("/api/publications", "publications"))

    def entities(self, publication: str) -> Iterator[dict[str, Any]]:
        """Return every entity of a publication, the most mentioned first."""
        path = f"/api/publications/{quote(publication, safe='')}/entities?limit=100"
        return self._pages(path, "entities")

    def _pages(self, path: str, items: str) -> Iterator[dict[str, Any]]:
        while path:
            page = self._call("GET", path)
            yield from page[items]
            path = page["next"]

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        # Whoever follows a redirect makes a GET of a POST.
        response = self._session.request(
            method, self._url + path, timeout=TIMEOUT_SECONDS, allow_redirects=False, **options
        )
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise ApiError(response)
        answer: dict[str, Any] = response.json()
        return answer


def _all_refused(errors: Sequence[dict[str, str]], count: int) -> list[dict[str, Any]]:
    """Return the results of posts none of which was accepted, which is one problem for them all."""
    results: list[dict[str, Any]] = [{"status": "refused", "errors": []} for _ in range(count)]
    for error in errors:
        results[int(error["pointer"].split("/")[1])]["errors"].append(error)
    return results
