"""The API's description: each address with its parameters, its answers, and all their statuses."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)
from pydantic import BaseModel

from ingest import answers
from ingest.bodies import JSON, LINES
from ingest.listing import EntityQuery
from ingest.problems import MEDIA_TYPE
from ingest.queries import CompareQuery, PostsQuery, PublicationsQuery, Query

F = TypeVar("F", bound=Callable[..., Any])

CSV = "text/csv"

PROBLEMS = {
    400: "The body is not what it says it is.",
    401: "There is no valid key.",
    403: "The key does not allow this.",
    404: "It is not there.",
    411: "The body's length is not said.",
    413: "The body, or the list in it, is too large.",
    415: "The body is of another media type, or packed in another way than gzip.",
    422: "It is not a post, or a parameter cannot be meant; `errors` point at the fields.",
    429: "The key has made too many requests in its minute.",
    503: "Not just now: the same may be sent again.",
}
ALWAYS = (401, 403, 429)
# The web server says it before anything of ours has seen the request.
TOO_LONG = {(414, "text/html"): OpenApiResponse(OpenApiTypes.STR, "The address is too long.")}

RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    response=[429, 503],
    required=True,
    description="Seconds.",
)

POST = {"publication": "The Gazette", "content": "Angela Merkel met Barack Obama in Berlin."}
EDIT = {"publication": "The Gazette", "id": "a-1", "content": "Angela Merkel came home."}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a key is sent."""

    target_class = "ingest.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `ing_…`."}


def described(
    summary: str,
    *,
    answer: Any = None,
    answered: dict[Any, Any] | None = None,
    problems: tuple[int, ...] = (),
    **more: Any,
) -> Callable[[F], F]:
    """Describe a method of a view: what it answers, and the problems it may have."""
    statuses = sorted({*ALWAYS, *problems})
    return extend_schema(
        summary=summary,
        responses={
            **(answered or {(200, JSON): answer}),
            **{(status, MEDIA_TYPE): _problem(status) for status in statuses},
            **TOO_LONG,
        },
        parameters=[*more.pop("parameters", ()), RETRY_AFTER],
        **more,
    )


def _problem(status: int) -> OpenApiResponse:
    return OpenApiResponse(answers.Problem, PROBLEMS[status])


def _read(
    operation: str | None, summary: str, query: type[BaseModel], answer: Any, *kinds: str
) -> Callable[[F], F]:
    """Describe a list or a part of one: what it may be asked for, its answer, and other types."""
    fields = query.model_json_schema()
    parameters = [
        OpenApiParameter(name, _plain(schema), required=name in fields.get("required", ()))
        for name, schema in fields.get("properties", {}).items()
    ]
    return described(
        summary,
        answered={(200, JSON): answer, **{(200, kind): OpenApiTypes.STR for kind in kinds}},
        problems=(404, 422, 503),
        parameters=parameters,
        operation_id=operation,
    )


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is there: in an address nothing is null."""
    (kind, *_) = schema.get("anyOf", [schema])
    return {name: value for name, value in kind.items() if name not in ("title", "default")}


submit = described(
    "Send posts",
    description=(
        "One post, a list of them, or any number, one a line. Accepted is a promise: the post will"
        " be counted once, or be laid aside as a dead letter. The same post is one with the same"
        " `id` in its publication or, without an `id`, the same content; sent again with other"
        " content it is an edit. Lines are answered as they are accepted: read while you send."
    ),
    request={
        JSON: OpenApiRequest(
            answers.Posts,
            examples=[
                OpenApiExample("One post", POST),
                OpenApiExample("A list", [POST, EDIT]),
            ],
        ),
        LINES: OpenApiTypes.BINARY,
    },
    answered={
        (200, LINES): OpenApiResponse(OpenApiTypes.BINARY, "A result for each line, and the end."),
        (202, JSON): OpenApiResponse(answers.Submitted, "Accepted; each of a list has a result."),
    },
    problems=(400, 411, 413, 415, 422, 503),
    parameters=[
        OpenApiParameter(
            "Content-Encoding",
            str,
            OpenApiParameter.HEADER,
            enum=["gzip", "identity"],
            description="How the body is packed.",
        )
    ],
)
_POST_ID = OpenApiParameter(
    "post_id", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, OpenApiParameter.PATH
)
what_became = described(
    "What became of a post",
    description=(
        "The address that a post was accepted with has a receipt. With it a post that is still on"
        " its way is `queued`; without it nobody can tell such a post from one that never was: 404."
    ),
    answer=answers.WhatBecame,
    problems=(404, 422, 503),
    parameters=[_POST_ID, OpenApiParameter("receipt", str, description="From the address.")],
)
delete = described(
    "Delete a post",
    description="It counts no more, and what of it is still on its way will not count either.",
    answer=answers.Deleted,
    problems=(404, 503),
    parameters=[_POST_ID],
)
status = described("What is on its way", answer=answers.Status, problems=(503,))
drain = described("Take no more posts", answer=answers.Status, problems=(503,), request=None)
resume = described("Take posts again", answer=answers.Status, problems=(503,), request=None)
limits = described("What a request may bring", answer=answers.Limits)
publications = _read(
    "publications", "Publications, by name", PublicationsQuery, answers.Publications
)
publication = _read(
    "publication", "A publication, and its posts by day", Query, answers.OnePublication
)
entities = _read("entities", "What a publication mentions most", EntityQuery, answers.Entities)
export = _read(
    None,
    "All entities of a publication, as CSV or JSON",
    EntityQuery,
    answers.AllEntities,
    CSV,
)
entity = _read("entity", "An entity by publication and day", Query, answers.Entity)
entity_posts = _read(
    "entity_posts", "Posts that mention an entity", PostsQuery, answers.MentioningPosts
)
compare = _read("compare", "Two publications side by side", CompareQuery, answers.Comparison)
