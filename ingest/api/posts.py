"""The HTTP API of posts: submit, status and delete."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from itertools import chain
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.api import openapi, receipts, request_body, schemas, submission
from ingest.api.authentication import Client, KeyedView, actor_of, client_of
from ingest.api.errors import TooLarge, Unprocessable
from ingest.api.ndjson import stream_results
from ingest.core.revisions import PostRecord
from ingest.models import DeadLetter, Scope, delete_until
from ingest.operations import audit
from ingest.store import open_store


class PostsView(KeyedView):
    """`POST /api/posts`: one post, a list of posts, or many posts as JSON lines."""

    scopes = {"POST": Scope.SUBMIT}

    @openapi.submit
    def post(self, request: Request) -> Response | StreamingHttpResponse:
        if request_body.media_type(request) == request_body.NDJSON:
            return _accept_lines(request)
        body = request_body.read_json(request)
        return _accept_list(request, body) if isinstance(body, list) else _accept_one(request, body)


class PostView(KeyedView):
    """`GET` and `DELETE /api/posts/{id}`: a post's status, and its deletion."""

    scopes = {"DELETE": Scope.SUBMIT}

    @openapi.post_status
    def get(self, request: Request, post_id: str) -> Response:
        accepted_at = _receipt(request, post_id)
        record = open_store().get_record(post_id)
        dead_letter = DeadLetter.objects.filter(post_id=post_id).first()
        status = _post_status(post_id, record, dead_letter, accepted_at)
        return Response(status.model_dump(mode="json"))

    @openapi.delete
    def delete(self, request: Request, post_id: str) -> Response:
        now = timezone.now()
        dead_letter = DeadLetter.objects.filter(post_id=post_id).first()
        record = open_store().get_record(post_id)
        _check_may_delete(client_of(request), record, dead_letter)
        open_store().remove(post_id, at=now)
        delete_until({post_id: now})
        audit.record(actor_of(request), audit.Action.DELETE, f"post {post_id}")
        return Response(schemas.DeletedPost(id=post_id, deleted_at=now).model_dump(mode="json"))


def _accept_one(request: Request, body: Any) -> Response:
    item = submission.check(body, may_change=client_of(request).may_change)
    results = submission.submit([item])
    if results.errors:
        raise Unprocessable(errors=[error.model_dump() for error in results.errors])
    answer = results.posts[0].model_dump()
    return Response(answer, HTTPStatus.ACCEPTED, headers={"Location": answer["url"]})


def _accept_list(request: Request, body: list[Any]) -> Response:
    """Accept the valid posts of a list, and answer with a result for each item, in order."""
    if len(body) > settings.MAX_POSTS:
        raise TooLarge(f"A list may have at most {settings.MAX_POSTS} posts.")
    if not body:
        raise Unprocessable("The list is empty.")
    may_change = client_of(request).may_change
    results = submission.submit(
        [
            submission.check(item, may_change=may_change, pointer=f"/{index}")
            for index, item in enumerate(body)
        ]
    )
    if results.count(schemas.RefusedResult) == len(body):
        raise Unprocessable(errors=[error.model_dump() for error in results.errors])
    return Response({**results.counts, "posts": results.payload()}, HTTPStatus.ACCEPTED)


def _accept_lines(request: Request) -> StreamingHttpResponse:
    """Answer line by line. An error before the first line is a problem with its own status."""
    lines = stream_results(
        request_body.read_lines(request), may_change=client_of(request).may_change
    )
    first: Iterator[bytes] = iter([next(lines)])
    return StreamingHttpResponse(chain(first, lines), content_type=request_body.NDJSON)


def _receipt(request: Request, post_id: str) -> datetime | None:
    text = request.query_params.get("receipt")
    if text is None:
        return None
    try:
        return receipts.read(post_id, text)
    except receipts.InvalidReceipt as error:
        raise Unprocessable("This is not the receipt of this post.") from error


def _post_status(
    post_id: str, record: PostRecord, dead_letter: DeadLetter | None, accepted_at: datetime | None
) -> schemas.SavedPost | schemas.QueuedPost | schemas.DeadPost | schemas.DeletedPost:
    """Return the status of a post, or of the revision that was accepted at `accepted_at`."""

    def covers(time: datetime | None) -> bool:
        return time is not None and (accepted_at is None or time >= accepted_at)

    if record.post and covers(record.post.accepted_at):
        return schemas.SavedPost.of(record.post)
    if record.deleted_at and covers(record.deleted_at):
        return schemas.DeletedPost(id=post_id, deleted_at=record.deleted_at)
    if dead_letter and (accepted_at is None or covers(dead_letter.accepted_at)):
        return schemas.DeadPost(
            id=post_id,
            step=dead_letter.step,
            reason=dead_letter.reason,
            attempts=dead_letter.attempts,
        )
    if accepted_at:
        return schemas.QueuedPost(id=post_id, accepted_at=accepted_at)
    raise NotFound(
        "No post with this id is saved or dead. To see a queued post, use the url that the API"
        " returned when it accepted the post."
    )


def _check_may_delete(client: Client, record: PostRecord, dead_letter: DeadLetter | None) -> None:
    """Refuse a post that is not known to be of the key's own publications."""
    post = record.post or dead_letter
    if client.publications and not (post and client.may_change(post.publication)):
        raise PermissionDenied("This key may delete only posts of its own publications.")
