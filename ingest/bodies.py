"""What a request's body may be: JSON in UTF-8, said to be so, and not too large."""

import json
from typing import Any

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from ingest.problems import BadBody, LengthRequired, TooLarge


def read_json(request: Request) -> Any:
    """Read the body; each way in which it cannot be read is a problem of its own."""
    media_type = request.content_type.split(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType(media_type, f"Send application/json, not {media_type!r}.")
    try:
        return json.loads(_read(request).decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BadBody("The body is not UTF-8.") from error
    except RecursionError as error:
        raise BadBody("The body is nested too deep.") from error
    except ValueError as error:
        raise BadBody(f"The body is not JSON: {error}.") from error


def _read(request: Request) -> bytes:
    if "Content-Length" not in request.headers:
        raise LengthRequired
    if int(request.headers["Content-Length"]) > settings.MAX_BODY_BYTES:
        raise TooLarge(f"A body may have {settings.MAX_BODY_BYTES} bytes.")
    body: bytes = request._request.read()
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
