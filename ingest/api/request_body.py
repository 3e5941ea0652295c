"""Reads a request's body: JSON or JSON lines in UTF-8, plain or gzip, up to a size."""

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from ingest.api.errors import BadRequestBody, LengthRequired, TooLarge, UnsupportedEncoding

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
    is_gzip = isinstance(stream, GzipFile)
    size = 0
    with _bad_request_on_error():
        while line := stream.readline(MAX_LINE_BYTES + 1):
            size += len(line)
            if is_gzip and size > settings.MAX_UNPACKED_BYTES:
                raise TooLarge(
                    f"The unpacked body is larger than {settings.MAX_UNPACKED_BYTES} bytes."
                )
            if len(line) <= MAX_LINE_BYTES:
                yield line
            else:
                _skip_line(stream, line)
                yield None


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
    return cast(BinaryIO, GzipFile(fileobj=stream)) if encoding == "gzip" else stream


def _raw(request: Request, length: str | None) -> BinaryIO:
    wsgi = request._request
    if connection := wsgi.META.get("gunicorn.socket"):
        # Gunicorn has no timeout of its own for a client that stops sending or reading.
        connection.settimeout(settings.CLIENT_SECONDS)
    if length:
        return cast(BinaryIO, wsgi)
    if wsgi.META.get("wsgi.input_terminated") and "Transfer-Encoding" in request.headers:
        return cast(
            BinaryIO, wsgi.META["wsgi.input"]
        )  # Django does not read a body of unknown length
    raise LengthRequired


def _skip_line(stream: BinaryIO, line: bytes) -> None:
    """Read to the end of a line that is too long, and discard it."""
    while line and not line.endswith(b"\n"):
        line = stream.readline(MAX_LINE_BYTES)


@contextmanager
def _bad_request_on_error() -> Iterator[None]:
    """Turn errors of the socket and of gzip into BadRequestBody."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise BadRequestBody(
            "The body ends too early, arrives too slowly, or is not valid gzip."
        ) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
