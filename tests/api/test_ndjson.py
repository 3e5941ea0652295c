"""Posts as JSON lines: each has a result, in constant memory, even after an error."""

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from django.test import Client

from ingest.api import ndjson, request_body
from ingest.broker.admission import get_admission
from tests.support.clients import keyed, queued

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

POST = {"content": "Obama went to Oslo.", "publication": "The Gazette"}


@pytest.fixture
def api() -> Client:
    """Return a client that may submit."""
    return keyed(["submit"])


def line(number: int) -> bytes:
    return json.dumps({**POST, "id": str(number)}).encode() + b"\n"


def send(api: Client, body: bytes, **headers: str) -> Any:
    return api.generic(
        "POST", "/api/posts", body, content_type=request_body.NDJSON, headers=headers or None
    )


def answers(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200
    return [json.loads(text) for text in response.getvalue().splitlines()]


def end(**counts: int) -> dict[str, Any]:
    return {"status": "end", "accepted": 0, "duplicates": 0, "refused": 0, **counts}


def test_each_line_has_a_result_and_the_end_has_counts(api: Client) -> None:
    body = b"".join([line(1), line(1), b"\r\n", b"{\n", line(2), b'{"content": "x"}'])
    first, second, third, fourth, fifth, last = answers(send(api, body))
    assert [first["line"], first["status"]] == [1, "accepted"]
    assert [second["line"], second["status"]] == [2, "duplicate"]
    assert third == {
        "line": 4,
        "status": "refused",
        "errors": [{"pointer": "", "detail": "The line is not valid JSON at line 2, column 1."}],
    }
    assert [fourth["line"], fourth["status"]] == [5, "accepted"]
    assert [fifth["line"], fifth["status"]] == [6, "refused"]
    assert last == end(accepted=2, duplicates=1, refused=2)
    assert [post["post_id"] for post in queued()] == [first["id"], fourth["id"]]


@pytest.mark.parametrize("body", [b"", b"\n\n"])
def test_a_body_without_lines_has_only_the_end(api: Client, body: bytes) -> None:
    assert answers(send(api, body + b" ")) == [end()]


def test_lines_may_be_packed(api: Client) -> None:
    body = gzip.compress(b"".join(map(line, range(300))))
    assert answers(send(api, body, **{"Content-Encoding": "gzip"}))[-1] == end(accepted=300)
    assert len(queued()) == 300


def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(api: Client) -> None:
    body = line(1) + b" " * (3 * request_body.MAX_LINE_BYTES) + b"\n" + line(2)
    first, second, third, _ = answers(send(api, body))
    assert [first["status"], second["status"], third["status"]] == [
        "accepted",
        "refused",
        "accepted",
    ]
    assert third["line"] == 3


def test_a_paused_intake_refuses_lines_like_any_other_body(api: Client) -> None:
    get_admission().pause("operator")
    assert send(api, line(1)).status_code == 503
    get_admission().resume("operator")


def test_a_pause_during_a_stream_ends_it_with_the_problem() -> None:
    def lines() -> Iterator[bytes]:
        yield from map(line, range(150))
        get_admission().pause("operator")
        yield from map(line, range(150, 500))

    text = b"".join(ndjson.stream_results(lines(), may_change=lambda _: True))
    get_admission().resume("operator")
    *accepted, last = map(json.loads, text.splitlines())
    assert [answer["status"] for answer in accepted] == ["accepted"] * 100
    assert (last["status"], last["accepted"]) == ("broken off", 100)
    assert last["problem"]["status"] == 503
    assert len(queued()) == 100


@pytest.mark.parametrize(
    ("body", "limit", "status"),
    [
        (gzip.compress(b"".join(map(line, range(300))), mtime=0)[:-9], 10**9, 400),
        (gzip.compress(b"".join(map(line, range(300))), mtime=0), 20_000, 413),
    ],
)
def test_a_body_that_cannot_be_unpacked_ends_the_stream_with_the_problem(
    api: Client, settings: Any, body: bytes, limit: int, status: int
) -> None:
    settings.MAX_UNPACKED_BYTES = limit
    last = answers(send(api, body, **{"Content-Encoding": "gzip"}))[-1]
    assert (last["status"], last["problem"]["status"]) == ("broken off", status)
    assert last["accepted"] == len(queued()) > 0


@pytest.mark.parametrize("body", [b"\n" * 5000, b"{\n" * 5000, line(1) + b"\n" * 5000])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_has_a_limit_of_lines(
    api: Client, settings: Any, body: bytes, encoding: str
) -> None:
    settings.MAX_LINES = 4000
    sent = gzip.compress(body) if encoding == "gzip" else body
    response = send(api, sent, **{"Content-Encoding": encoding})
    last = json.loads(response.getvalue().splitlines()[-1])
    problem = last.get("problem", last)
    assert problem.pop("instance", "/api/posts") == "/api/posts"
    assert problem == {
        "type": "/problems/too-large",
        "title": "Content Too Large",
        "status": 413,
        "detail": "The body has more than 4000 lines.",
    }


def test_a_line_that_is_too_long_counts_for_the_limit_of_unpacked_bytes(
    api: Client, settings: Any
) -> None:
    settings.MAX_UNPACKED_BYTES = 20_000_000
    body = gzip.compress(line(1) + b" " * 30_000_000 + b"\n" + line(2), mtime=0)
    response = send(api, body, **{"Content-Encoding": "gzip"})
    assert json.loads(response.getvalue().splitlines()[-1])["status"] in (413, "broken off")


def test_a_packed_body_that_unpacks_to_nothing_has_a_limit(api: Client, settings: Any) -> None:
    settings.MAX_UNPACKED_BYTES = 100_000
    body = gzip.compress(b"", mtime=0) * 10_000
    assert send(api, body, **{"Content-Encoding": "gzip"}).status_code == 413


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_has_a_deadline(api: Client, settings: Any, encoding: str) -> None:
    settings.BODY_SECONDS = -1
    body = gzip.compress(line(1)) if encoding == "gzip" else line(1)
    assert send(api, body, **{"Content-Encoding": encoding}).status_code == 408


def test_an_error_before_the_first_result_is_a_problem(api: Client) -> None:
    response = send(api, b"no gzip", **{"Content-Encoding": "gzip"})
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


def test_only_one_chunk_of_lines_is_read_before_it_is_answered() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield line(read)

    results = ndjson.stream_results(endless(), may_change=lambda _: True)
    for chunk in islice(results, 5):
        assert chunk.count(b"\n") == ndjson.CHUNK_LINES
    assert read == 5 * ndjson.CHUNK_LINES
