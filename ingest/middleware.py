"""What a request is followed by: an id, the client's own or a new one, and its place in a trace."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from ingest.observability.post_log import REQUEST_ID
from ingest.observability.tracing import TRACEPARENT, request_span

HEADER = "X-Request-ID"
VALID_ID = re.compile(r"[A-Za-z0-9._:=+/-]{1,64}")


def request_id(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Give each request its id, for its lines in the log, its posts and its answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        clear_contextvars()
        own = choose_request_id(request.headers.get(HEADER, ""))
        # It stays until the answer has gone out: posts that come in lines are accepted meanwhile.
        bind_contextvars(**{REQUEST_ID: own})
        response = get_response(request)
        response[HEADER] = own
        return response

    return middleware


def trace_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Show each request in a trace, if traces are wanted, until its answer has gone out."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with ExitStack() as stack:
            carried = request.headers.get(TRACEPARENT, "")
            span = stack.enter_context(request_span(str(request.method), carried))
            response = get_response(request)
            if span:
                _describe(span, request, response)
            if span and isinstance(response, StreamingHttpResponse):
                content: Any = response.streaming_content
                response.streaming_content = _within(stack.pop_all(), content)
        return response

    return middleware


def _describe(span: Any, request: HttpRequest, response: HttpResponse) -> None:
    route = request.resolver_match.route if request.resolver_match else ""
    span.update_name(f"{request.method} /{route}")
    span.set_attribute("http.route", f"/{route}")
    span.set_attribute("http.response.status_code", response.status_code)
    span.set_attribute("ingest.request_id", get_contextvars().get(REQUEST_ID, ""))


def _within(stack: ExitStack, content: Iterable[bytes]) -> Iterator[bytes]:
    with stack:
        yield from content


def choose_request_id(said: str) -> str:
    """Return the id that a client says, if it can stand in a line and a header, or a new one."""
    return said if VALID_ID.fullmatch(said) else uuid.uuid4().hex


def _forget(**_: Any) -> None:
    clear_contextvars()


request_finished.connect(_forget)


# Everything comes from here, and nothing is written into a page that runs: a name that slips
# through unescaped is still no script.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Send the policy with every page, the admin's and the errors' too; the API has none."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not request.path.startswith("/api/"):
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
