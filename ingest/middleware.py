"""Middleware: a request id, slashes, HEAD, a trace span, and the content security policy."""

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
    """Give each request an id, for its log lines, its posts and its answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        clear_contextvars()
        id_ = choose_request_id(request.headers.get(HEADER, ""))
        # It stays bound until the answer is sent: a streamed answer accepts posts meanwhile.
        bind_contextvars(**{REQUEST_ID: id_})
        response = get_response(request)
        response[HEADER] = id_
        return response

    return middleware


def remove_trailing_slash(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Read `/api/posts/` as `/api/posts`. A redirect would lose the body of a POST."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        path = request.path_info.rstrip("/")
        if path.startswith("/api/"):
            request.path_info, request.path = path, request.path.rstrip("/")
        return get_response(request)

    return middleware


def answer_head(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Answer HEAD without a body, and read no list only to drop it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD" and isinstance(response, StreamingHttpResponse):
            response.streaming_content = ()
        elif request.method == "HEAD" and isinstance(response, HttpResponse):
            response.content = b""
        return response

    return middleware


def trace_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Trace each request until its answer is sent, if an endpoint for traces is set."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with ExitStack() as stack:
            traceparent = request.headers.get(TRACEPARENT, "")
            span = stack.enter_context(request_span(str(request.method), traceparent))
            response = get_response(request)
            if span:
                _describe(span, request, response)
            if span and isinstance(response, StreamingHttpResponse):
                content: Any = response.streaming_content
                response.streaming_content = _stream_within(stack.pop_all(), content)
        return response

    return middleware


def _describe(span: Any, request: HttpRequest, response: HttpResponse) -> None:
    route = request.resolver_match.route if request.resolver_match else ""
    span.update_name(f"{request.method} /{route}")
    span.set_attribute("http.route", f"/{route}")
    span.set_attribute("http.response.status_code", response.status_code)
    span.set_attribute("ingest.request_id", get_contextvars().get(REQUEST_ID, ""))


def _stream_within(stack: ExitStack, content: Iterable[bytes]) -> Iterator[bytes]:
    with stack:
        yield from content


def choose_request_id(client_id: str) -> str:
    """Return the client's id if it is valid in a log line and a header, else a new one."""
    return client_id if VALID_ID.fullmatch(client_id) else uuid.uuid4().hex


def _clear_request_id(**_: Any) -> None:
    clear_contextvars()


request_finished.connect(_clear_request_id)


# Pages load only our own files and run no inline script. So an unescaped name cannot run as one.
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
    """Send the policy with every page, also of the admin and of errors; the API needs none."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not request.path.startswith("/api/"):
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
