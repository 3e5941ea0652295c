"""The header Idempotency-Key: a request that is sent again gets the answer of the first one."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ingest.api.authentication import client_of
from ingest.api.errors import InProgress, Unprocessable
from ingest.core.posts import digest
from ingest.operations import submissions

HEADER = "Idempotency-Key"
REPEATED_HEADER = "Idempotency-Replayed"
MAX_CHARACTERS = 200


def refuse(request: Request) -> None:
    """Refuse the header where an answer is too long to keep."""
    if HEADER in request.headers:
        raise Unprocessable(f"{HEADER} goes with a post or a list, not with lines.")


def answer_once(request: Request, body: Any, accept: Callable[[], Response]) -> Response:
    """Answer a request, or repeat the answer of an equal one with the same Idempotency-Key."""
    name = request.headers.get(HEADER)
    if name is None:
        return accept()
    if not 0 < len(name) <= MAX_CHARACTERS:
        raise Unprocessable(f"{HEADER} must have 1 to {MAX_CHARACTERS} characters.")
    key_id = client_of(request).key_id
    whole = digest(request.get_full_path(), json.dumps(body, sort_keys=True))
    try:
        known = submissions.begin(key_id, name, whole)
    except submissions.OtherRequest as error:
        raise Unprocessable(f"This {HEADER} belongs to a request with another body.") from error
    except submissions.StillRunning as error:
        raise InProgress(f"The first request with this {HEADER} has no answer yet.") from error
    if known is not None:
        return Response(known, HTTPStatus.ACCEPTED, headers={REPEATED_HEADER: "true"})
    answer = None
    try:
        response = accept()
        answer = response.data
        return response
    finally:
        submissions.end(key_id, name, answer)
