"""Middleware: a request id, slashes, HEAD, a trace span, and the policies for browsers."""

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from http import HTTPMethod, HTTPStatus
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.request import split_domain_port, validate_host
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from ingest.observability import metrics
from ingest.observability.post_log import REQUEST_ID
from ingest.observability.tracing import TRACEPARENT, mark_failed, request_span

HEADER = "X-Request-ID"
ANY_HOST = "ingest.any_host"  # in META: the host was not one of ours
PROBES = ("/livez", "/readyz")
METHODS = frozenset(HTTPMethod)  # a client may make up others
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


def answer_probes(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """
    Answer probes whatever host they name: a kubelet and Prometheus know only a pod's address.

    A scrape of another host needs a key, also on this machine. Otherwise a web page whose name
    leads to this machine could read the metrics through a browser here.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        is_keyed_scrape = request.path == "/metrics" and "Authorization" in request.headers
        if (is_keyed_scrape or request.path in PROBES) and not _names_us(request):
            request.META["HTTP_HOST"] = settings.OWN_HOST
            request.META[ANY_HOST] = True
        return get_response(request)

    return middleware


def _names_us(request: HttpRequest) -> bool:
    host, _ = split_domain_port(request.META.get("HTTP_HOST", settings.OWN_HOST))
    return validate_host(host, settings.ALLOWED_HOSTS)


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


def measure_request(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Measure the time until the answer to a request begins, by route."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = get_response(request)
        method = str(request.method) if request.method in METHODS else "_OTHER"
        seconds = metrics.REQUEST_SECONDS.labels(method, _route(request))
        seconds.observe(time.perf_counter() - began)
        return response

    return middleware


def _route(request: HttpRequest) -> str:
    """Return the pattern of a request's URL; the admin's many patterns are one."""
    match = request.resolver_match
    if match is None:
        return ""
    return "/admin/" if match.route.startswith("admin/") else f"/{match.route}"


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
    route = _route(request)
    span.update_name(f"{request.method} {route}".rstrip())
    span.set_attribute("http.route", route)
    span.set_attribute("url.path", request.path)
    span.set_attribute("url.scheme", str(request.scheme))
    span.set_attribute("user_agent.original", request.headers.get("User-Agent", ""))
    span.set_attribute("http.response.status_code", response.status_code)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        mark_failed(span, error_type=str(response.status_code))
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


# No page of ours uses what a browser may allow. Passkeys are for our own pages. A browser logs an
# error for each feature that it does not know.
NO_FEATURES = ", ".join(
    (
        *(
            f"{feature}=()"
            for feature in (
                *("accelerometer", "autoplay", "camera"),
                *("display-capture", "encrypted-media", "fullscreen", "geolocation", "gyroscope"),
                *("hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi"),
                *("payment", "picture-in-picture", "screen-wake-lock", "serial", "usb"),
                "xr-spatial-tracking",
            )
        ),
        "publickey-credentials-get=(self)",
    )
)


def browser_policies(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """
    Send the policies with every answer, also of the admin and of errors.

    The API needs no content security policy. Django's own middleware sends the others.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", NO_FEATURES)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path.startswith("/api/"):
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
