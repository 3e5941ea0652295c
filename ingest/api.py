"""The HTTP API: posts in, counts out."""

import base64
import binascii
import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from pydantic import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ingest import intake
from ingest.authentication import Allows, KeyAuthentication
from ingest.bodies import read_json
from ingest.gate import the_gate
from ingest.messages import AcceptedPost
from ingest.models import DeadLetter, Scope
from ingest.posts import Post
from ingest.problems import Refused, TooLarge, field_errors
from ingest.store import Cursor, Publication, StoredEntity, open_store

DEFAULT_LIMIT, LARGEST_LIMIT = 10, 100  # entities a page


class View(APIView):
    """What every address of ours has in common."""

    authentication_classes = (KeyAuthentication,)
    permission_classes = (Allows,)


class Posts(View):
    """`POST /api/posts`: one post, or a list of them."""

    scopes = {"POST": Scope.SUBMIT}

    def post(self, request: Request) -> Response:
        body = read_json(request)
        return _accept_list(body) if isinstance(body, list) else _accept_one(body)


class OnePost(View):
    """`GET /api/posts/{id}`: a post that was saved, with its entities, or why it was not."""

    def get(self, request: Request, post_id: str) -> Response:
        post = open_store().post(post_id)
        if post is None:
            return _dead(post_id)
        fields = post.model_dump(mode="json", exclude={"entities", "content", "post_id"})
        entities = [entity._asdict() for entity in post.entities]
        return Response({"id": post.post_id, "status": "saved", **fields, "entities": entities})


class Publications(View):
    """`GET /api/publications`: every publication, with the number of its posts."""

    def get(self, request: Request) -> Response:
        return Response({"publications": list(map(_publication, open_store().publications()))})


class Entities(View):
    """`GET /api/publications/{name}/entities`: the most mentioned first, page by page."""

    def get(self, request: Request, name: str) -> Response:
        limit, after = _limit(request), _cursor(request)
        publication = open_store().publication(name)
        if publication is None:
            raise NotFound("No publication of this name has a saved post.")
        entities = open_store().entities(name, limit=limit + 1, after=after)
        page = entities[:limit]
        more = len(entities) > limit
        return Response(
            {
                "publication": publication.name,
                "posts": publication.posts,
                "entities": list(map(_entity, page)),
                "next": _next(request, limit, page[-1]) if more else None,
            }
        )


class Status(View):
    """`GET /api/status`: whether posts are taken in, and what is on its way."""

    def get(self, request: Request) -> Response:
        return _status()


class Drain(View):
    """`POST /api/drain`: take in no more posts; the status says when all are through."""

    scopes = {"POST": Scope.OPERATE}

    def post(self, request: Request) -> Response:
        the_gate().close("operator")
        return _status()


class Resume(View):
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


def _publication(publication: Publication) -> dict[str, Any]:
    return {
        "name": publication.name,
        "posts": publication.posts,
        "first_day": publication.first_day,
        "last_day": publication.last_day,
        "entities_url": f"{reverse('publications')}/{quote(publication.name, safe='')}/entities",
    }


def _entity(entity: StoredEntity) -> dict[str, Any]:
    return {
        "text": entity.text,
        "label": entity.label,
        "key": entity.key,
        "mentions": entity.mentions,
        "posts": entity.posts,
    }


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isdecimal() and text.isascii() and 1 <= int(text) <= LARGEST_LIMIT):
        raise Refused(f"limit must be a whole number from 1 to {LARGEST_LIMIT}.")
    return int(text)


def _cursor(request: Request) -> Cursor | None:
    """Read the place that an earlier page named; its form is nobody's business but ours."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        mentions, entity_id = json.loads(base64.urlsafe_b64decode(text))
        if not (isinstance(mentions, int) and len(bytes.fromhex(entity_id)) == 16):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise Refused("cursor must be one that an earlier page gave.") from error
    return Cursor(mentions, entity_id)


def _next(request: Request, limit: int, last: StoredEntity) -> str:
    place = json.dumps([last.mentions, last.id]).encode()
    cursor = base64.urlsafe_b64encode(place).decode()
    return f"{quote(request.path)}?limit={limit}&cursor={quote(cursor)}"
