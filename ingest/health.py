"""What a load balancer asks: whether this server lives, and whether to send it posts."""

from http import HTTPStatus

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse

from ingest.broker import BrokerUnavailable
from ingest.gate import the_gate


def livez(_request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process answers at all."""
    return JsonResponse({"alive": True})


def readyz(_request: HttpRequest) -> JsonResponse:
    """
    Answer 200 while posts are taken in, and else 503 with the reason.

    A stop of everything closes the gate first, so this turns before any process is stopped.
    """
    why = _why_not()
    status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
    return JsonResponse({"ready": not why, **({"why": why} if why else {})}, status=status)


def _why_not() -> str:
    try:
        connection.ensure_connection()
        return "" if the_gate().is_open() else "no posts are taken in just now"
    except DatabaseError as error:
        return f"the database does not answer: {error}"
    except BrokerUnavailable as error:
        return str(error)
