"""The API's errors, all as application/problem+json (RFC 9457)."""

import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler
from structlog import get_logger

from ingest.broker.admission.base import IntakePaused, QueueFull
from ingest.broker.connection import BrokerUnavailable
from ingest.core.problem_types import ProblemType
from ingest.observability import metrics
from ingest.store.base import StoreUnavailable

logger = get_logger()

E = TypeVar("E", bound=BaseException | None)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
PASSED_HEADERS = ("WWW-Authenticate", "Retry-After", "Allow")


class BadRequestBody(APIException):
    """The body is not JSON in UTF-8."""

    status_code = HTTPStatus.BAD_REQUEST
    problem_type = ProblemType.UNREADABLE_BODY


class InProgress(APIException):
    """The same request is being answered already. Retry later."""

    status_code = HTTPStatus.CONFLICT
    problem_type = ProblemType.IN_PROGRESS
    wait = RETRY_AFTER_SECONDS


class LengthRequired(APIException):
    """The request has a body and no Content-Length."""

    status_code = HTTPStatus.LENGTH_REQUIRED
    default_detail = "A request with a body needs a Content-Length header."


class TooLarge(APIException):
    """The body is larger than one request may be, or has too many posts."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Conflict(APIException):
    """The post is in a state that does not allow the request."""

    status_code = HTTPStatus.CONFLICT


class TooSlow(APIException):
    """The body took longer than a body may."""

    status_code = HTTPStatus.REQUEST_TIMEOUT
    default_detail = "The body took too long. Send the rest in another request."


class UnsupportedEncoding(APIException):
    """The Content-Encoding of the body is not gzip."""

    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(APIException):
    """The JSON is not a post or a list of posts, or a parameter is not valid."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = "Nothing was accepted."

    def __init__(self, detail: str | None = None, *, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.errors = list(errors)


# The type of a problem, where its status alone tells it.
TYPES = {
    HTTPStatus.BAD_REQUEST: ProblemType.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED: ProblemType.NO_KEY,
    HTTPStatus.FORBIDDEN: ProblemType.NOT_ALLOWED,
    HTTPStatus.NOT_FOUND: ProblemType.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: ProblemType.WRONG_METHOD,
    HTTPStatus.REQUEST_TIMEOUT: ProblemType.TOO_SLOW,
    HTTPStatus.CONFLICT: ProblemType.CONFLICT,
    HTTPStatus.LENGTH_REQUIRED: ProblemType.NO_LENGTH,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ProblemType.TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ProblemType.UNSUPPORTED_ENCODING,
    HTTPStatus.UNPROCESSABLE_ENTITY: ProblemType.NOT_VALID,
    HTTPStatus.TOO_MANY_REQUESTS: ProblemType.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR: ProblemType.BUG,
}

# RFC 9110's names of what Python before 3.13 calls by older ones.
TITLES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content",
}


def problem(status: HTTPStatus, detail: str = "", **more: Any) -> dict[str, Any]:
    """Return the fields of a problem (RFC 9457)."""
    type_ = {"type": TYPES[status].address} if status in TYPES else {}
    optional = {"detail": detail} if detail else {}
    title = TITLES.get(status, status.phrase)
    return {**type_, "title": title, "status": status.value, **optional, **more}


def problem_of(error: APIException) -> dict[str, Any]:
    """Return the fields of the problem that an exception is."""
    more: dict[str, Any] = {}
    if isinstance(error, BadRequestBody | InProgress | Unavailable):
        more["type"] = error.problem_type.address
    if isinstance(error, Unprocessable) and error.errors:
        more["errors"] = error.errors
    detail = error.detail if isinstance(error.detail, str) else ""
    return problem(HTTPStatus(error.status_code), detail, **more)


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception with a problem. Return None for a bug, which Django answers with 500."""
    error = to_api_exception(error)
    response = exception_handler(error, context)
    if response is None:
        return None
    metrics.PROBLEMS.labels(str(response.status_code)).inc()
    if isinstance(error, APIException):
        body = problem_of(error)
    else:  # Django's own, which the framework answers: not found, not allowed
        body = problem(HTTPStatus(response.status_code), str(response.data.get("detail", "")))
    body["instance"] = context["request"].path
    headers = {name: response[name] for name in PASSED_HEADERS if name in response}
    return Response(body, body["status"], headers=headers, content_type=MEDIA_TYPE)


DATABASE_AWAY = (
    ProblemType.DATABASE_AWAY,
    "The database does not answer. Send the request again later.",
)
# The type and the detail of a 503.
UNAVAILABLE = {
    QueueFull: (
        ProblemType.QUEUE_FULL,
        "The queues are full. None of these posts was accepted. Send them again later.",
    ),
    IntakePaused: (
        ProblemType.INTAKE_PAUSED,
        "The intake is paused. None of these posts was accepted. Send them again later.",
    ),
    BrokerUnavailable: (
        ProblemType.BROKER_AWAY,
        "The queue does not answer. Send all posts again. No post counts twice.",
    ),
    StoreUnavailable: (
        ProblemType.STORE_AWAY,
        "The store does not answer. Send the request again later.",
    ),
    OperationalError: DATABASE_AWAY,
    InterfaceError: DATABASE_AWAY,
}


class Unavailable(APIException):
    """The intake is paused or full, or a part does not answer. Retry later."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    wait = RETRY_AFTER_SECONDS  # DRF's name for the seconds of Retry-After

    def __init__(self, problem_type: ProblemType, detail: str) -> None:
        super().__init__(detail)
        self.problem_type = problem_type


def to_api_exception(error: E) -> E | APIException:
    """Turn errors of the broker, the store and the database into a 503 that names no host."""
    for kind, (problem_type, detail) in UNAVAILABLE.items():
        if isinstance(error, kind):
            logger.warning("answered with 503", why=str(error))
            return Unavailable(problem_type, detail)
    return error


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django finds invalid."""
    answer = _api_problem(request, HTTPStatus.BAD_REQUEST)
    return answer or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django does not allow."""
    answer = _api_problem(request, HTTPStatus.FORBIDDEN)
    return answer or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a URL that does not exist."""
    answer = _api_problem(request, HTTPStatus.NOT_FOUND)
    return answer or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a part that does not answer with 503, and a bug with 500. The log has the error."""
    error = to_api_exception(sys.exc_info()[1])
    if isinstance(error, Unavailable):
        return _unavailable(request, error)
    answer = _api_problem(request, HTTPStatus.INTERNAL_SERVER_ERROR)
    return answer or defaults.server_error(request)


def _unavailable(request: HttpRequest, error: Unavailable) -> HttpResponse:
    status, detail = HTTPStatus.SERVICE_UNAVAILABLE, str(error.detail)
    # The page asks neither who is logged in nor the broker.
    answer = _api_problem(
        request, status, detail=detail, type=error.problem_type.address
    ) or HttpResponse(render_to_string("503.html", {"detail": detail}), status=status)
    answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _api_problem(request: HttpRequest, status: HTTPStatus, **more: str) -> HttpResponse | None:
    """Return a problem if the URL is one of the API's."""
    if not request.path.startswith("/api/"):
        return None
    body = problem(status, **more, instance=request.path)
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE)
