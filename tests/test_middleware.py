"""The request id, by which the log has a request and its posts; and answers to HEAD."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from ingest.broker.connection import redis_client
from ingest.broker.publish import EXTRACT
from ingest.middleware import answer_head
from ingest.models import ApiKey

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

POST = {"content": "Angela Merkel met Barack Obama.", "publication": "The Gazette"}


@pytest.fixture
def api() -> Client:
    """Return a client with a key."""
    _, secret = ApiKey.create("wire", scopes=["submit"])
    return Client(headers={"Authorization": f"Bearer {secret}"})


def queued() -> list[Any]:
    """Return the posts on the extract queue."""
    client: Any = redis_client()
    bodies = [json.loads(message)["body"] for message in client.lrange(EXTRACT, 0, -1)]
    payloads = [json.loads(base64.b64decode(body))[0][0] for body in bodies]
    return [post for payload in payloads for post in payload["posts"]]


def test_a_request_keeps_the_id_that_it_came_with(api: Client) -> None:
    said = {"X-Request-ID": "proxy-7:a/b+c=d_e.f"}
    assert api.get("/livez", headers=said).headers["X-Request-ID"] == said["X-Request-ID"]


@pytest.mark.parametrize("said", ["", "two words", "x" * 65, 'a"b', "ü"])
def test_an_id_that_is_not_valid_in_a_line_is_replaced(api: Client, said: str) -> None:
    answered = {api.get("/livez", headers={"X-Request-ID": said})["X-Request-ID"] for _ in "ab"}
    assert len(answered) == 2
    assert said not in answered


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_a_post_takes_the_id_of_its_request_along(api: Client, kind: str) -> None:
    body = json.dumps(POST)
    with capture_logs() as lines:
        answer = api.post("/api/posts", body, kind, headers={"X-Request-ID": "r-1"})
        b"".join(answer) if answer.streaming else answer.content
    assert answer["X-Request-ID"] == "r-1"
    (post,) = queued()
    assert post["request_id"] == "r-1"
    (accepted,) = (line for line in lines if line["event"] == "accepted")
    assert accepted["posts"] == {"r-1": [post["post_id"]]}


def test_a_head_request_reads_none_of_a_stream() -> None:
    def stream() -> Iterator[bytes]:
        raise AssertionError
        yield b""

    request = RequestFactory().head("/api/x")
    response = answer_head(lambda _: StreamingHttpResponse(stream()))(request)
    assert b"".join(response.streaming_content) == b""


def test_a_head_request_has_the_length_of_the_body_and_no_body() -> None:
    request = RequestFactory().head("/api/x")
    response = answer_head(lambda _: HttpResponse("text", headers={"Content-Length": "4"}))(request)
    assert (response.content, response["Content-Length"]) == (b"", "4")


def test_requests_are_measured_by_route(api: Client) -> None:
    def measured(route: str, method: str = "GET") -> float:
        labels = {"method": method, "route": route}
        return REGISTRY.get_sample_value("ingest_http_request_seconds_count", labels) or 0

    before = measured("/livez"), measured("/admin/"), measured("/livez", "_OTHER")
    api.get("/livez")
    api.get("/admin/ingest/apikey/")
    api.generic("BREW", "/livez")
    after = measured("/livez"), measured("/admin/"), measured("/livez", "_OTHER")
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]
