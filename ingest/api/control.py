"""The HTTP API for operators and clients: status, drain, resume and limits."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.api import openapi, request_body, schemas
from ingest.api.authentication import KeyedView, actor_of, client_of
from ingest.broker.admission import get_admission
from ingest.core.posts import MAX_CONTENT_CHARACTERS, MAX_NAME_CHARACTERS
from ingest.models import DeadLetter, Scope
from ingest.operations import audit


class StatusView(KeyedView):
    """`GET /api/status`: whether posts are accepted, and how many messages are left."""

    @openapi.status
    def get(self, request: Request) -> Response:
        return _status()


class DrainView(KeyedView):
    """`POST /api/drain`: pause the intake. The status says when everything is processed."""

    scopes = {"POST": Scope.OPERATE}

    @openapi.drain
    def post(self, request: Request) -> Response:
        get_admission().pause("operator")
        audit.record(actor_of(request), audit.Action.DRAIN)
        return _status()


class ResumeView(KeyedView):
    """`POST /api/resume`: accept posts again."""

    scopes = {"POST": Scope.OPERATE}

    @openapi.resume
    def post(self, request: Request) -> Response:
        get_admission().resume("operator")
        audit.record(actor_of(request), audit.Action.RESUME)
        return _status()


class LimitsView(KeyedView):
    """`GET /api/limits`: the size limits of a request, and the rate limit of this key."""

    scopes = {"GET": None}

    @openapi.limits
    def get(self, request: Request) -> Response:
        limits = schemas.RequestLimits(
            body_bytes=settings.MAX_BODY_BYTES,
            posts=settings.MAX_POSTS,
            lines=settings.MAX_LINES,
            line_bytes=request_body.MAX_LINE_BYTES,
            unpacked_bytes=settings.MAX_UNPACKED_BYTES,
            content_characters=MAX_CONTENT_CHARACTERS,
            name_characters=MAX_NAME_CHARACTERS,
            requests_per_minute=client_of(request).requests_per_minute,
        )
        return Response(limits.model_dump())


def _status() -> Response:
    backlog = get_admission().backlog()
    status = schemas.PipelineStatus(
        writable=backlog.accepting,
        drained=backlog.drained,
        empty=backlog.empty,
        waiting=backlog.waiting,
        oldest_seconds=backlog.oldest,
        in_work=backlog.in_progress,
        dead_letters=DeadLetter.objects.count(),
    )
    return Response(status.model_dump())
