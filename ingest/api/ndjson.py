"""Posts one a line, in and out: a few at a time, so that any number takes the same memory."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import APIException

from ingest.api.errors import BadRequestBody, problem, to_api_exception
from ingest.api.request_body import MAX_LINE_BYTES, parse
from ingest.api.submission import Errors, PostResults, check, submit
from ingest.broker.publish import MESSAGE_CHARACTERS
from ingest.core.posts import Post

# So many lines are accepted together, under one lease of the gate, or fewer if they are long.
CHUNK_LINES = 100

Chunk = dict[int, Post | Errors]  # by number of the line, from 1


def stream_results(
    lines: Iterable[bytes | None], *, may_change: Callable[[str], bool]
) -> Iterator[bytes]:
    """
    Accept posts, and answer each line with one, and the end with the counts.

    What goes wrong on the way ends the answers with a problem: lines without an answer may be sent
    again, and none counts twice.

    Raises:
        IntakePaused, BrokerUnavailable, BadBody: only before the first answer.
    """
    counts: Counter[str] = Counter(accepted=0, duplicates=0, refused=0)
    begun = False
    try:
        for chunk in _chunks(lines, may_change=may_change):
            results = submit(list(chunk.values()))
            counts.update(results.counts)
            yield _answer(chunk, results)
            begun = True
    except Exception as error:
        for_client = to_api_exception(error)
        if not begun or not isinstance(for_client, APIException):
            raise
        yield _line({"status": "broken off", **counts, "problem": _problem(for_client)})
    else:
        yield _line({"status": "end", **counts})


def _chunks(lines: Iterable[bytes | None], *, may_change: Callable[[str], bool]) -> Iterator[Chunk]:
    chunk: Chunk = {}
    size = 0
    for number, line in enumerate(lines, 1):
        if line is not None and not line.strip():
            continue
        chunk[number] = _check(line, may_change=may_change)
        size += len(line or b"")
        if len(chunk) >= CHUNK_LINES or size >= MESSAGE_CHARACTERS:
            yield chunk
            chunk, size = {}, 0
    if chunk:
        yield chunk


def _check(line: bytes | None, *, may_change: Callable[[str], bool]) -> Post | Errors:
    if line is None:
        return [{"pointer": "", "detail": f"A line may have {MAX_LINE_BYTES} bytes."}]
    try:
        return check(parse(line, what="line"), may_change=may_change)
    except BadRequestBody as error:
        return [{"pointer": "", "detail": str(error.detail)}]


def _answer(chunk: Chunk, results: PostResults) -> bytes:
    numbered = zip(chunk, results.payload(), strict=True)
    return b"".join(_line({"line": number, **result}) for number, result in numbered)


def _problem(error: APIException) -> dict[str, Any]:
    return problem(HTTPStatus(error.status_code), str(error.detail))


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
