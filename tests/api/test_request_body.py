"""Valid bodies, and the error for each kind of invalid one."""

import gzip
import json
from typing import Any

import pytest
from django.test import Client

from ingest.api import request_body
from tests.support.bad_bodies import BAD, GOOD, PACKED, Bad
from tests.support.clients import keyed, queued

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]


@pytest.fixture
def api() -> Client:
    """Return a client that may submit."""
    return keyed(["submit"])


def post(
    api: Client, body: bytes, content_type: str = request_body.JSON, encoding: str | None = None
) -> Any:
    headers = {"Content-Encoding": encoding} if encoding else {}
    return api.generic("POST", "/api/posts", body, content_type=content_type, headers=headers)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_body_is_answered_with_its_errors(api: Client, bad: Bad) -> None:
    response = post(api, bad.body, bad.content_type, bad.encoding)
    body = response.json()
    errors = {error["pointer"]: error["detail"] for error in body.get("errors", ())}
    assert (response.status_code, body["detail"], errors) == (bad.status, bad.detail, bad.errors)
    assert response["Content-Type"] == "application/problem+json"
    assert body["status"] == bad.status
    assert queued() == []


@pytest.mark.parametrize("field", ["content", "publication", "unknown"])
@pytest.mark.parametrize("levels", [1_000, 40_000])
def test_a_deep_body_is_refused_even_where_python_can_read_it(
    api: Client, field: str, levels: int
) -> None:
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    body = b'{"publication": "a", "content": "b", "' + field.encode() + b'": ' + deep + b"}"
    for whole in (body, b"[" + body + b"]"):
        assert post(api, whole).status_code in (400, 422)


def test_there_are_many_bad_bodies() -> None:
    assert len({bad.name for bad in BAD}) >= 60


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        (GOOD, request_body.JSON, None),
        (GOOD, "Application/JSON; charset=UTF-8", "identity"),
        (b"\xef\xbb\xbf" + GOOD, request_body.JSON, None),
        (PACKED, request_body.JSON, "gzip"),
        (PACKED, request_body.JSON, " GZIP "),
        (
            gzip.compress(GOOD[:9], mtime=0) + gzip.compress(GOOD[9:], mtime=0),
            request_body.JSON,
            "gzip",
        ),
    ],
)
def test_a_good_body_may_be_sent_in_several_ways(
    api: Client, body: bytes, content_type: str, encoding: str | None
) -> None:
    assert post(api, body, content_type, encoding).status_code == 202
    assert len(queued()) == 1


def test_a_body_of_unknown_length_is_refused(api: Client) -> None:
    response = api.generic("POST", "/api/posts", GOOD, request_body.JSON, CONTENT_LENGTH="")
    assert response.status_code == 411


def test_a_post_with_many_errors_is_answered_with_some_of_them(api: Client) -> None:
    body = post(api, json.dumps({f"field {n}": n for n in range(5000)}).encode())
    assert len(body.json()["errors"]) == 20
