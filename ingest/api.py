"""The HTTP API where posts come in, and where what becomes of them is told."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.urls import reverse
from pydantic import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest import intake
from ingest.authentication import KeyedView
from ingest.bodies import read_json
from ingest.gate import the_gate
from ingest.messages import AcceptedPost
from ingest.models import DeadLetter, Scope
from ingest.posts import Post
from ingest.problems import Refused, TooLarge, field_errors
from ingest.store import open_store


class Posts(KeyedView):
    """`POST /api/posts`: one post, or a list of them."""

    scopes = {"POST": Scope.SUBMIT}

    def post(self, request: Request) -> Response:
        body = read_json(request)
        return _accept_list(body) if isinstance(body, list) else _accept_one(body)


class OnePost(KeyedView):
    """`GET /api/posts/{id}`: a post that was saved, with its entities, or why it was not."""

    def get(self, request: Request, post_id: str) -> Response:
        post = open_store().post(post_id)
        if post is None:
            return _dead(post_id)
        fields = post.model_dump(mode="json", exclude={"entities", "content", "post_id"})
        entities = [entity._asdict() for entity in post.entities]
        return Response({"id": post.post_id, "status": "saved", **fields, "entities": entities})


class Status(KeyedView):
    """`GET /api/status`: whether posts are taken in, and what is on its way."""

    def get(self, request: Request) -> Response:
        return _status()


class Drain(KeyedView):
    """`POST /api/drain`: take in no more posts; the status says when all are through."""

    scopes = {"POST": Scope.OPERATE}

    def post(self, request: Request) -> Response:
        the_gate().close("operator")
        return _status()


class Resume(KeyedView):
    """`POST /api/resume`: take posts in again."""

    scopes = {"POST": Scope.OPERATE}

    def post(self, request: Request) -> Response:
        the_gate().reopen("operator")
        return _status()


def _status() -> Response:
    backlog = the_gate().backlog()
    return Response(
        {
            "writable": backlog.writable,
            "drained": backlog.drained,
            "empty": backlog.empty,
            "waiting": backlog.waiting,
            "in_work": backlog.in_work,
            "dead_letters": DeadLetter.objects.count(),
        }
    )


def _dead(post_id: str) -> Response:
    letter = DeadLetter.objects.filter(post_id=post_id).first()
    if letter is None:
        raise NotFound("No post of this id is saved; one just accepted may still be queued.")
    why = {"step": letter.step, "reason": letter.reason, "attempts": letter.attempts}
    return Response({"id": post_id, "status": "dead", **why})


def _accept_one(body: Any) -> Response:
    try:
        post = Post.model_validate(body)
    except ValidationError as error:
        raise Refused(errors=field_errors(error)) from error
    (accepted,) = intake.accept([post])
    answer = _accepted(accepted)
    return Response(answer, HTTPStatus.ACCEPTED, headers={"Location": answer["url"]})


def _accept_list(body: list[Any]) -> Response:
    """Accept what is a post in a list, and answer for each of its items, in their order."""
    if len(body) > settings.MAX_POSTS:
        raise TooLarge(f"A list may hold {settings.MAX_POSTS} posts.")
    if not body:
        raise Refused("The list is empty.")
    checked = [_check(item, pointer=f"/{index}") for index, item in enumerate(body)]
    posts = [item for item in checked if isinstance(item, Post)]
    if not posts:
        raise Refused(errors=[e for item in checked if isinstance(item, list) for e in item])
    accepted = iter(intake.accept(posts))
    answers = [
        _accepted(next(accepted))
        if isinstance(item, Post)
        else {"status": "refused", "errors": item}
        for item in checked
    ]
    counts = {"accepted": len(posts), "refused": len(body) - len(posts)}
    return Response({**counts, "posts": answers}, HTTPStatus.ACCEPTED)


def _check(item: Any, *, pointer: str) -> Post | list[dict[str, str]]:
    try:
        return Post.model_validate(item)
    except ValidationError as error:
        return field_errors(error, pointer=pointer)


def _accepted(post: AcceptedPost) -> dict[str, str]:
    url = reverse("post", args=[post.post_id])
    return {"status": "accepted", "id": post.post_id, "url": url}
