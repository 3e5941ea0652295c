"""Every error the API answers, in one shape: application/problem+json (RFC 9457)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ingest.broker import BrokerUnavailable
from ingest.gate import GateClosed, QueueFull
from ingest.store import StoreUnavailable

RETRY_AFTER = 5  # seconds
KEPT_HEADERS = ("WWW-Authenticate", "Retry-After", "Allow")


class BadBody(APIException):
    """The body is not JSON in UTF-8."""

    status_code = HTTPStatus.BAD_REQUEST


class LengthRequired(APIException):
    """The body's length is not said in a header."""

    status_code = HTTPStatus.LENGTH_REQUIRED
    default_detail = "A request with a body must say its Content-Length."


class TooLarge(APIException):
    """There is more in the body than one request may bring."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Refused(APIException):
    """What was sent is JSON, and is no post, list of posts, or query of ours."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = "Nothing was accepted."

    def __init__(self, detail: str | None = None, *, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.errors = list(errors)


def field_errors(error: ValidationError, *, pointer: str = "") -> list[dict[str, str]]:
    """Say which field of a post is wrong and why, without repeating what was in it."""
    return [
        {
            "pointer": "/".join([pointer, *map(str, fault["loc"])]),
            "detail": fault["msg"].removeprefix("Value error, "),
        }
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception with a problem; what is no problem of ours is a 500 of Django's."""
    response = exception_handler(_for_clients(error), context)
    if response is None:
        return None
    status = HTTPStatus(response.status_code)
    problem: dict[str, Any] = {"title": status.phrase, "status": status.value}
    if isinstance(response.data, dict) and "detail" in response.data:
        problem["detail"] = str(response.data["detail"])
    if isinstance(error, Refused) and error.errors:
        problem["errors"] = error.errors
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    return Response(problem, status, headers=headers, content_type="application/problem+json")


UNAVAILABLE = {
    QueueFull: "Too many posts wait already. Nothing of this request was kept.",
    GateClosed: "No posts are taken in just now. Nothing of this request was kept.",
    BrokerUnavailable: "The queue does not answer. Send all of it again; no post counts twice.",
    StoreUnavailable: "The store does not answer.",
}


class _Unavailable(APIException):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    wait = RETRY_AFTER  # DRF's name for the seconds of Retry-After


def _for_clients(error: Exception) -> Exception:
    """Turn what the intake and the store raise into an answer that names no host of ours."""
    for kind, detail in UNAVAILABLE.items():
        if isinstance(error, kind):
            return _Unavailable(detail)
    return error
