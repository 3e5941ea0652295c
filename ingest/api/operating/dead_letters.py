"""The HTTP API of dead letters: list and show them, and replay or discard those that match."""

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.analytics.entity_list import PageToken
from ingest.api import openapi, schemas
from ingest.api.authentication import KeyedView, actor_of
from ingest.api.errors import Unprocessable
from ingest.api.query_params import DeadLettersQuery
from ingest.api.responses import page_url, read_body, read_query
from ingest.models import DeadLetter, Scope
from ingest.operations import replay

FIELDS = ("step", "reason", "publication")
SHOWN = ("post_id", *FIELDS, "detail", "attempts", "first_at", "last_at")


class DeadLettersView(KeyedView):
    """`GET /api/dead-letters`: dead letters, the oldest first, by step, reason or publication."""

    scopes = {"GET": Scope.OPERATE}

    @openapi.dead_letters
    def get(self, request: Request) -> Response:
        query = read_query(DeadLettersQuery, request)
        rows = _matching(query.model_dump(include=set(FIELDS)))
        if query.cursor:
            token = PageToken.read(query.cursor)
            same = Q(last_at=token.value, pk__gt=token.id)
            rows = rows.filter(Q(last_at__gt=token.value) | same)
        found = list(rows.defer("payload", "trace").order_by("last_at", "pk")[: query.limit + 1])
        following = None
        if len(found) > query.limit:
            last = found[query.limit - 1]
            cursor = PageToken(value=last.last_at.isoformat(), id=str(last.pk)).sign()
            following = {**query.model_dump(exclude_none=True), "cursor": cursor}
        answer = {
            "dead_letters": [_shown(row) for row in found[: query.limit]],
            "count": _matching(query.model_dump(include=set(FIELDS))).count(),
            "next": page_url(request, following),
        }
        return Response(schemas.DeadLetterPage.model_validate(answer).model_dump(mode="json"))


class DeadLetterView(KeyedView):
    """`GET /api/dead-letters/{id}`: the dead letters of one post, with trace and message."""

    scopes = {"GET": Scope.OPERATE}

    @openapi.dead_letter
    def get(self, request: Request, post_id: str) -> Response:
        rows = DeadLetter.objects.filter(post_id=post_id)
        if not rows:
            raise NotFound("This post has no dead letter.")
        found = [{**_shown(row), "trace": row.trace, "payload": row.payload} for row in rows]
        answer = schemas.DeadLettersOfPost.model_validate({"dead_letters": found})
        return Response(answer.model_dump(mode="json"))


class ReplayView(KeyedView):
    """`POST /api/dead-letters/replay`: enqueue the posts of dead letters again."""

    scopes = {"POST": Scope.OPERATE}

    @openapi.replay
    def post(self, request: Request) -> Response:
        rows, actor = _chosen(request), actor_of(request)
        if rows.count() > replay.CHUNK_SIZE:  # a request must not take minutes
            run = replay.start(rows, by=actor)
            outcome = {"started": run.total, "problem": run.problem}
        else:
            outcome = {"started": 0, **vars(replay.replay(rows, by=actor))}
        return Response(schemas.ReplayOutcome.model_validate(outcome).model_dump())


class DiscardView(KeyedView):
    """`POST /api/dead-letters/discard`: delete dead letters for good."""

    scopes = {"POST": Scope.OPERATE}

    @openapi.discard
    def post(self, request: Request) -> Response:
        discarded = replay.discard(_chosen(request), by=actor_of(request))
        return Response(schemas.DiscardOutcome(discarded=discarded).model_dump())


def _chosen(request: Request) -> "QuerySet[DeadLetter]":
    """Return the dead letters that a body names."""
    choice = read_body(schemas.DeadLetterChoice, request)
    fields = choice.model_dump(exclude_none=True, exclude={"ids", "all"})
    if not (choice.all or choice.ids or fields):
        raise Unprocessable('Name ids, a reason, a step or a publication, or send {"all": true}.')
    rows = _matching(fields)
    return rows.filter(post_id__in=choice.ids) if choice.ids else rows


def _matching(fields: dict[str, Any]) -> "QuerySet[DeadLetter]":
    return DeadLetter.objects.filter(**{n: value for n, value in fields.items() if value})


def _shown(row: DeadLetter) -> dict[str, Any]:
    return {name: getattr(row, name) for name in SHOWN}
