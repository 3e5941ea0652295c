"""Every error the API answers, in one shape: application/problem+json (RFC 9457)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler
from structlog import get_logger

from ingest.broker.admission.base import IntakePaused, QueueFull
from ingest.broker.connection import BrokerUnavailable
from ingest.observability import metrics
from ingest.store.base import StoreUnavailable

logger = get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5  # seconds
KEPT_HEADERS = ("WWW-Authenticate", "Retry-After", "Allow")


class BadRequestBody(APIException):
    """The body is not JSON in UTF-8."""

    status_code = HTTPStatus.BAD_REQUEST


class LengthRequired(APIException):
    """The body's length is not said in a header."""

    status_code = HTTPStatus.LENGTH_REQUIRED
    default_detail = "A request with a body must say its Content-Length."


class TooLarge(APIException):
    """There is more in the body than one request may bring."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedEncoding(APIException):
    """The body is packed in a way that we do not unpack."""

    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(APIException):
    """What was sent is JSON, and is no post, list of posts, or query of ours."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = "Nothing was accepted."

    def __init__(self, detail: str | None = None, *, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.errors = list(errors)


def problem(status: HTTPStatus, detail: str = "", **more: Any) -> dict[str, Any]:
    """Return a problem in the words of RFC 9457."""
    said = {"detail": detail} if detail else {}
    return {"title": status.phrase, "status": status.value, **said, **more}


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception with a problem; what is no problem of ours is a 500 of Django's."""
    response = exception_handler(to_api_exception(error), context)
    if response is None:
        return None
    detail = response.data.get("detail", "") if isinstance(response.data, dict) else ""
    more = {"errors": error.errors} if isinstance(error, Unprocessable) and error.errors else {}
    metrics.PROBLEMS.labels(str(response.status_code)).inc()
    body = problem(HTTPStatus(response.status_code), str(detail), **more)
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    return Response(body, body["status"], headers=headers, content_type=MEDIA_TYPE)


UNAVAILABLE_DETAILS = {
    QueueFull: "Too many posts wait already. Nothing of this request was kept.",
    IntakePaused: "No posts are taken in just now. Nothing of this request was kept.",
    BrokerUnavailable: "The queue does not answer. Send all of it again; no post counts twice.",
    StoreUnavailable: "The store does not answer.",
}


class Unavailable(APIException):
    """Not now: posts are not taken in, or something that the service needs is away."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    wait = RETRY_AFTER_SECONDS  # DRF's name for the seconds of Retry-After


def to_api_exception(error: Exception) -> Exception:
    """Turn what the intake and the store raise into an answer that names no host of ours."""
    for kind, detail in UNAVAILABLE_DETAILS.items():
        if isinstance(error, kind):
            logger.warning("answered with 503", why=str(error))
            return Unavailable(detail)
    return error


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself finds wrong with a request."""
    mine = _of_the_api(request, HTTPStatus.BAD_REQUEST)
    return mine or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself does not allow."""
    mine = _of_the_api(request, HTTPStatus.FORBIDDEN)
    return mine or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that there is not."""
    mine = _of_the_api(request, HTTPStatus.NOT_FOUND)
    return mine or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error of ours: what it is stands in the log."""
    mine = _of_the_api(request, HTTPStatus.INTERNAL_SERVER_ERROR)
    return mine or defaults.server_error(request)


def _of_the_api(request: HttpRequest, status: HTTPStatus) -> HttpResponse | None:
    """Return a problem, if the address is one of the API's."""
    if not request.path.startswith("/api/"):
        return None
    return JsonResponse(problem(status), status=status, content_type=MEDIA_TYPE)
