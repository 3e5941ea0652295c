"""Reads a request's body: JSON or JSON lines in UTF-8, plain or gzip, up to a size."""

import json
import math
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from ingest.api.errors import (
    BadRequestBody,
    LengthRequired,
    TooLarge,
    TooSlow,
    UnsupportedEncoding,
)

JSON = "application/json"
NDJSON = "application/x-ndjson"

# The longest post, with each character as two escapes of six bytes, and its other fields.
MAX_LINE_BYTES = 1_500_000


def media_type(request: Request) -> str:
    """Return the media type of the body, which is JSON or JSON lines."""
    try:
        type_, parameters = parse_header_parameters(request.content_type or "")
    except ValueError:
        type_, parameters = "", {}
    charset = parameters.get("charset", "utf-8").lower()
    if type_.lower() not in (JSON, NDJSON) or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(type_, f"Send {JSON} or {NDJSON} in UTF-8.")
    return type_.lower()


def read_json(request: Request) -> Any:
    """Read the body as JSON, or raise the problem that the client is answered with."""
    limit = settings.MAX_BODY_BYTES
    with _bad_request_on_error():
        body = _open(request, limit=limit).read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes.")
    return parse(body, what="body")


def read_lines(request: Request) -> Iterator[bytes | None]:
    """Yield the lines of the body, and None for each line that is too long."""
    stream = _open(request)
    max_bytes = settings.MAX_UNPACKED_BYTES if isinstance(stream, GzipFile) else math.inf
    ends_at = time.monotonic() + settings.BODY_SECONDS
    lines = size = 0
    is_rest = False  # of a line that is too long
    with _bad_request_on_error():
        while piece := stream.readline(MAX_LINE_BYTES + 1):
            size += len(piece)
            lines += not is_rest
            if size > max_bytes:
                raise TooLarge(f"The unpacked body is larger than {max_bytes} bytes.")
            if lines > settings.MAX_LINES:
                raise TooLarge(f"The body has more than {settings.MAX_LINES} lines.")
            if time.monotonic() > ends_at:
                raise TooSlow
            is_too_long = len(piece) > MAX_LINE_BYTES
            if not is_rest:
                yield None if is_too_long else piece
            is_rest = (is_rest or is_too_long) and not piece.endswith(b"\n")


def parse(text: bytes, *, what: str) -> Any:
    """Parse JSON, without NaN, which RFC 8259 does not have. `what` names the text in errors."""
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BadRequestBody(f"The {what} is not UTF-8.") from error
    except RecursionError as error:
        raise BadRequestBody(f"The {what} is nested too deeply.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequestBody(f"The {what} is not valid JSON at {where}.") from error
    except ValueError as error:
        why = "It has a number that is not allowed or too long."
        raise BadRequestBody(f"The {what} is not valid JSON. {why}") from error


def _open(request: Request, *, limit: int | None = None) -> BinaryIO:
    """Return the body as a stream, unpacked if it is gzip."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise UnsupportedEncoding(f"The Content-Encoding must be gzip, not {encoding!r}.")
    length = request.headers.get("Content-Length")
    if limit is not None and length and length.isdecimal() and int(length) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes.")
    stream = _raw(request, length)
    if encoding == "identity":
        return stream
    packed = _PackedBody(stream, limit=limit or settings.MAX_UNPACKED_BYTES)
    return cast(BinaryIO, GzipFile(fileobj=cast(BinaryIO, packed)))


class _PackedBody:
    """The bytes of a packed body. Its size is limited, since they may unpack to nothing."""

    def __init__(self, stream: BinaryIO, *, limit: int) -> None:
        self._stream = stream
        self._left = self._limit = limit
        self._ends_at = time.monotonic() + settings.BODY_SECONDS

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge(f"The packed body is larger than {self._limit} bytes.")
        if time.monotonic() > self._ends_at:
            raise TooSlow
        return data


def _raw(request: Request, length: str | None) -> BinaryIO:
    wsgi = request._request
    if length:
        return cast(BinaryIO, wsgi)
    if wsgi.META.get("wsgi.input_terminated") and "Transfer-Encoding" in request.headers:
        return cast(
            BinaryIO, wsgi.META["wsgi.input"]
        )  # Django does not read a body of unknown length
    raise LengthRequired


@contextmanager
def _bad_request_on_error() -> Iterator[None]:
    """Turn errors of the connection and of gzip into BadRequestBody."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise BadRequestBody(
            "The body ends too early, arrives too slowly, or is not valid chunks or gzip."
        ) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
