"""What a request's body may be: JSON in UTF-8, or lines of it, plain or in gzip, and how large."""

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

# A post whose every character is written as two escapes of six bytes, and room for its fields.
MAX_LINE_BYTES = 1_500_000


def media_type(request: Request) -> str:
    """Return what the body says it is, if that is something we read."""
    try:
        kind, parameters = parse_header_parameters(request.content_type or "")
    except ValueError:
        kind, parameters = "", {}
    charset = parameters.get("charset", "utf-8").lower()
    if kind.lower() not in (JSON, NDJSON) or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(kind, f"Send {JSON} or {NDJSON}, in UTF-8.")
    return kind.lower()


def read_json(request: Request) -> Any:
    """Read the body; each way in which it cannot be read is a problem of its own."""
    limit = settings.MAX_BODY_BYTES
    with _readable():
        body = _open(request, limit=limit).read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"A body may have {limit} bytes.")
    return parse(body, what="body")


def read_lines(request: Request) -> Iterator[bytes | None]:
    """Read the body line by line, however many they are; of a line that is too long yield None."""
    stream = _open(request)
    unpacks = isinstance(stream, GzipFile)
    size = 0
    with _readable():
        while line := stream.readline(MAX_LINE_BYTES + 1):
            size += len(line)
            if unpacks and size > settings.MAX_UNPACKED_BYTES:
                raise TooLarge(f"A body may unpack to {settings.MAX_UNPACKED_BYTES} bytes.")
            if len(line) <= MAX_LINE_BYTES:
                yield line
            else:
                _skip_line(stream, line)
                yield None


def parse(text: bytes, *, what: str) -> Any:
    """Read JSON; RFC 8259 has no NaN."""
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BadRequestBody(f"The {what} is not UTF-8.") from error
    except RecursionError as error:
        raise BadRequestBody(f"The {what} is nested too deep.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadRequestBody(f"The {what} is not JSON: it goes wrong at {place}.") from error
    except ValueError as error:
        why = "a number in it is none, or far too long"
        raise BadRequestBody(f"The {what} is not JSON: {why}.") from error


def _open(request: Request, *, limit: int | None = None) -> BinaryIO:
    """Return the body as a stream that unpacks itself."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise UnsupportedEncoding(f"A body may be packed with gzip, not with {encoding!r}.")
    length = request.headers.get("Content-Length")
    if limit is not None and length and length.isdecimal() and int(length) > limit:
        raise TooLarge(f"A body may have {limit} bytes.")
    stream = _raw(request, length)
    return cast(BinaryIO, GzipFile(fileobj=stream)) if encoding == "gzip" else stream


def _raw(request: Request, length: str | None) -> BinaryIO:
    wsgi = request._request
    if connection := wsgi.META.get("gunicorn.socket"):
        # Gunicorn would let a client hold a thread for ever by sending, or reading, nothing.
        connection.settimeout(settings.CLIENT_SECONDS)
    if length:
        return cast(BinaryIO, wsgi)
    if wsgi.META.get("wsgi.input_terminated") and "Transfer-Encoding" in request.headers:
        return cast(BinaryIO, wsgi.META["wsgi.input"])  # Django reads nothing of unknown length
    raise LengthRequired


def _skip_line(stream: BinaryIO, line: bytes) -> None:
    """Read on to the end of a line that is too long, without keeping it."""
    while line and not line.endswith(b"\n"):
        line = stream.readline(MAX_LINE_BYTES)


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what goes wrong below us while a body is read into a problem of the body."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise BadRequestBody(
            "The body ends too early, comes too slowly, or is not gzip."
        ) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
