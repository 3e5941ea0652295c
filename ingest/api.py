"""The HTTP API where posts come in, and where what becomes of them is told."""

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

from ingest import answers, audit, bodies, description, receipts, submission
from ingest.authentication import Client, KeyedView, client_of
from ingest.gate import the_gate
from ingest.models import DeadLetter, Scope
from ingest.posts import CONTENT_LIMIT, NAME_LIMIT
from ingest.problems import Refused, TooLarge
from ingest.revisions import Kept
from ingest.store import open_store
from ingest.streaming import stream_results


class Posts(KeyedView):
    """`POST /api/posts`: one post, a list of them, or any number, one a line."""

    scopes = {"POST": Scope.SUBMIT}

    @description.submit
    def post(self, request: Request) -> Response | StreamingHttpResponse:
        if bodies.media_type(request) == bodies.LINES:
            return _accept_lines(request)
        body = bodies.read_json(request)
        return _accept_list(request, body) if isinstance(body, list) else _accept_one(request, body)


class OnePost(KeyedView):
    """`GET` and `DELETE /api/posts/{id}`: what became of a post, and how it is taken out again."""

    scopes = {"DELETE": Scope.SUBMIT}

    @description.what_became
    def get(self, request: Request, post_id: str) -> Response:
        accepted_at = _receipt(request, post_id)
        kept = open_store().kept(post_id)
        letter = DeadLetter.objects.filter(post_id=post_id).first()
        return Response(_what_became(post_id, kept, letter, accepted_at).model_dump(mode="json"))

    @description.delete
    def delete(self, request: Request, post_id: str) -> Response:
        now = timezone.now()
        letters = DeadLetter.objects.filter(post_id=post_id)
        _refuse_strangers(client_of(request), open_store().kept(post_id), letters.first())
        open_store().remove(post_id, at=now)
        letters.delete()
        return Response(answers.Deleted(id=post_id, deleted_at=now).model_dump(mode="json"))


class Status(KeyedView):
    """`GET /api/status`: whether posts are taken in, and what is on its way."""

    @description.status
    def get(self, request: Request) -> Response:
        return _status()


class Drain(KeyedView):
    """`POST /api/drain`: take in no more posts; the status says when all are through."""

    scopes = {"POST": Scope.OPERATE}

    @description.drain
    def post(self, request: Request) -> Response:
        the_gate().close("operator")
        audit.record(_actor(request), audit.What.DRAIN)
        return _status()


class Resume(KeyedView):
    """`POST /api/resume`: take posts in again."""

    scopes = {"POST": Scope.OPERATE}

    @description.resume
    def post(self, request: Request) -> Response:
        the_gate().reopen("operator")
        audit.record(_actor(request), audit.What.RESUME)
        return _status()


class Limits(KeyedView):
    """`GET /api/limits`: what one request may bring, and how many a minute this key may make."""

    scopes = {"GET": None}

    @description.limits
    def get(self, request: Request) -> Response:
        limits = answers.Limits(
            body_bytes=settings.MAX_BODY_BYTES,
            posts=settings.MAX_POSTS,
            line_bytes=bodies.LINE_BYTES,
            unpacked_bytes=settings.MAX_UNPACKED_BYTES,
            content_characters=CONTENT_LIMIT,
            name_characters=NAME_LIMIT,
            requests_per_minute=client_of(request).requests_per_minute,
        )
        return Response(limits.model_dump())


def _accept_one(request: Request, body: Any) -> Response:
    item = submission.check(body, may_change=client_of(request).may_change)
    results = submission.submit([item])
    if results.errors:
        raise Refused(errors=[error.model_dump() for error in results.errors])
    answer = results.posts[0].model_dump()
    return Response(answer, HTTPStatus.ACCEPTED, headers={"Location": answer["url"]})


def _accept_list(request: Request, body: list[Any]) -> Response:
    """Accept what is a post in a list, and answer for each of its items, in their order."""
    if len(body) > settings.MAX_POSTS:
        raise TooLarge(f"A list may hold {settings.MAX_POSTS} posts.")
    if not body:
        raise Refused("The list is empty.")
    may_change = client_of(request).may_change
    results = submission.submit(
        [
            submission.check(item, may_change=may_change, pointer=f"/{place}")
            for place, item in enumerate(body)
        ]
    )
    if results.count(answers.RefusedPost) == len(body):
        raise Refused(errors=[error.model_dump() for error in results.errors])
    return Response({**results.counts, "posts": results.payload()}, HTTPStatus.ACCEPTED)


def _accept_lines(request: Request) -> StreamingHttpResponse:
    """Answer line by line; what goes wrong before the first answer is a problem like any other."""
    lines = stream_results(bodies.read_lines(request), may_change=client_of(request).may_change)
    first: Iterator[bytes] = iter([next(lines)])
    return StreamingHttpResponse(chain(first, lines), content_type=bodies.LINES)


def _receipt(request: Request, post_id: str) -> datetime | None:
    text = request.query_params.get("receipt")
    if text is None:
        return None
    try:
        return receipts.read(post_id, text)
    except receipts.NotAReceipt as error:
        raise Refused("receipt must be the one that the answer to this post brought.") from error


def _what_became(
    post_id: str, kept: Kept, letter: DeadLetter | None, accepted_at: datetime | None
) -> answers.Saved | answers.Queued | answers.Dead | answers.Deleted:
    """Tell what became of a post, and of one revision of it, if a receipt says of which."""

    def reaches(moment: datetime | None) -> bool:
        return moment is not None and (accepted_at is None or moment >= accepted_at)

    if kept.post and reaches(kept.post.accepted_at):
        return answers.Saved.of(kept.post)
    if kept.deleted_at and reaches(kept.deleted_at):
        return answers.Deleted(id=post_id, deleted_at=kept.deleted_at)
    if letter and (accepted_at is None or reaches(letter.accepted_at)):
        return answers.Dead(
            id=post_id, step=letter.step, reason=letter.reason, attempts=letter.attempts
        )
    if accepted_at:
        return answers.Queued(id=post_id, accepted_at=accepted_at)
    raise NotFound(
        "No post of this id is saved or dead. One that is still queued can only be told from one"
        " that never was by the receipt that the answer to it brought."
    )


def _refuse_strangers(client: Client, kept: Kept, letter: DeadLetter | None) -> None:
    """Let a key for some publications delete only what is known to be of one of them."""
    post = kept.post or letter
    if client.publications and not (post and client.may_change(post.publication)):
        raise PermissionDenied("This key may delete saved posts of its own publications only.")


def _actor(request: Request) -> audit.Actor:
    return audit.Actor(f"key {client_of(request).name}", audit.Via.API)


def _status() -> Response:
    backlog = the_gate().backlog()
    status = answers.Status(
        writable=backlog.writable,
        drained=backlog.drained,
        empty=backlog.empty,
        waiting=backlog.waiting,
        oldest_seconds=backlog.oldest,
        in_work=backlog.in_work,
        dead_letters=DeadLetter.objects.count(),
    )
    return Response(status.model_dump())
