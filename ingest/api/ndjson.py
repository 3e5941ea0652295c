"""Posts as JSON lines. They are accepted in chunks, so any number takes the same memory."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from rest_framework.exceptions import APIException

from ingest.api.errors import BadRequestBody, problem_of, to_api_exception
from ingest.api.request_body import MAX_LINE_BYTES, parse
from ingest.api.submission import Errors, PostResults, check, submit
from ingest.broker.publish import MESSAGE_CHARACTERS
from ingest.core.posts import Post

# Lines that are admitted and answered together. Long lines make a smaller chunk.
CHUNK_LINES = 100

Chunk = dict[int, Post | Errors]  # by line number, from 1


def stream_results(
    lines: Iterable[bytes | None], *, key_id: int | None = None, **rights: Any
) -> Iterator[bytes]:
    """
    Accept posts. Yield a result for each line, and the counts at the end.

    Args:
        key_id: the API key of the request.
        rights: what `check` needs to know of the key and the request.

    An error after the first result ends the stream with a problem. The client may send the lines
    without a result again, and no post counts twice.

    Raises:
        IntakePaused, BrokerUnavailable, BadRequestBody: only before the first result.
    """
    counts: Counter[str] = Counter(accepted=0, duplicates=0, refused=0)
    started = False
    try:
        for chunk in _chunks(lines, **rights):
            results = submit(list(chunk.values()), key_id=key_id)
            counts.update(results.counts)
            yield _results(chunk, results)
            started = True
    except Exception as error:
        for_client = to_api_exception(error)
        if not started or not isinstance(for_client, APIException):
            raise
        yield _line({"status": "broken off", **counts, "problem": problem_of(for_client)})
    else:
        yield _line({"status": "end", **counts})


def _chunks(lines: Iterable[bytes | None], **rights: Any) -> Iterator[Chunk]:
    chunk: Chunk = {}
    size = 0
    for number, line in enumerate(lines, 1):
        if line is not None and not line.strip():
            continue
        chunk[number] = _check(line, **rights)
        size += len(line or b"")
        if len(chunk) >= CHUNK_LINES or size >= MESSAGE_CHARACTERS:
            yield chunk
            chunk, size = {}, 0
    if chunk:
        yield chunk


def _check(line: bytes | None, **rights: Any) -> Post | Errors:
    if line is None:
        detail = f"The line is longer than {MAX_LINE_BYTES} bytes."
        return Errors([{"pointer": "", "detail": detail}])
    try:
        return check(parse(line, what="line"), **rights)
    except BadRequestBody as error:
        return Errors([{"pointer": "", "detail": str(error.detail)}])


def _results(chunk: Chunk, results: PostResults) -> bytes:
    numbered = zip(chunk, results.payload(), strict=True)
    return b"".join(_line({"line": number, **result}) for number, result in numbered)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
