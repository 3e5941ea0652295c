"""The API from the other side: what a program that sends posts and reads counts needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

SECONDS = 60  # for one answer


class ApiError(Exception):
    """The API answered something else than what was asked for."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"{response.status_code} for {response.url}: {response.text[:500]}")
        self.status = response.status_code


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
        """Send posts as one list, and return what became of each."""
        body: list[dict[str, Any]] = self._call("POST", "/api/posts", json=list(posts))["posts"]
        return body

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
        response = self._session.request(method, self._url + path, timeout=SECONDS, **options)
        if not response.ok:
            raise ApiError(response)
        answer: dict[str, Any] = response.json()
        return answer
