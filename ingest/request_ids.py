"""The id of a request: the client's own, if it says one, and else a new one; it is answered too."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars

from ingest.story import REQUEST_ID

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._:=+/-]{1,64}")


def identify(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Give each request its id, for its lines in the log, its posts and its answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        clear_contextvars()
        own = request_id(request.headers.get(HEADER, ""))
        # It stays until the answer has gone out: posts that come in lines are accepted meanwhile.
        bind_contextvars(**{REQUEST_ID: own})
        response = get_response(request)
        response[HEADER] = own
        return response

    return middleware


def request_id(said: str) -> str:
    """Return the id that a client says, if it can stand in a line and a header, or a new one."""
    return said if SANE.fullmatch(said) else uuid.uuid4().hex


def _forget(**_: Any) -> None:
    clear_contextvars()


request_finished.connect(_forget)
