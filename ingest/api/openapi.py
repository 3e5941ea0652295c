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

from ingest.analytics.entity_list import EntityQuery
from ingest.api import schemas
from ingest.api.errors import MEDIA_TYPE
from ingest.api.query_params import CompareQuery, PostsQuery, PublicationsQuery, Query
from ingest.api.request_body import JSON, NDJSON

F = TypeVar("F", bound=Callable[..., Any])

CSV = "text/csv"

PROBLEM_DESCRIPTIONS = {
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
COMMON_STATUSES = (401, 403, 429)
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

    target_class = "ingest.api.authentication.KeyAuthentication"
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
    statuses = sorted({*COMMON_STATUSES, *problems})
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
    return OpenApiResponse(schemas.Problem, PROBLEM_DESCRIPTIONS[status])


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
            schemas.PostsRequest,
            examples=[
                OpenApiExample("One post", POST),
                OpenApiExample("A list", [POST, EDIT]),
            ],
        ),
        NDJSON: OpenApiTypes.BINARY,
    },
    answered={
        (200, NDJSON): OpenApiResponse(OpenApiTypes.BINARY, "A result for each line, and the end."),
        (202, JSON): OpenApiResponse(
            schemas.SubmitResponse, "Accepted; each of a list has a result."
        ),
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
post_status = described(
    "What became of a post",
    description=(
        "The address that a post was accepted with has a receipt. With it a post that is still on"
        " its way is `queued`; without it nobody can tell such a post from one that never was: 404."
    ),
    answer=schemas.PostStatus,
    problems=(404, 422, 503),
    parameters=[_POST_ID, OpenApiParameter("receipt", str, description="From the address.")],
)
delete = described(
    "Delete a post",
    description="It counts no more, and what of it is still on its way will not count either.",
    answer=schemas.DeletedPost,
    problems=(404, 503),
    parameters=[_POST_ID],
)
status = described("What is on its way", answer=schemas.PipelineStatus, problems=(503,))
drain = described(
    "Take no more posts", answer=schemas.PipelineStatus, problems=(503,), request=None
)
resume = described("Take posts again", answer=schemas.PipelineStatus, problems=(503,), request=None)
limits = described("What a request may bring", answer=schemas.RequestLimits)
publications = _read(
    "publications", "Publications, by name", PublicationsQuery, schemas.PublicationPage
)
publication = _read(
    "publication", "A publication, and its posts by day", Query, schemas.PublicationDetail
)
entities = _read("entities", "What a publication mentions most", EntityQuery, schemas.EntityPage)
export = _read(
    None,
    "All entities of a publication, as CSV or JSON",
    EntityQuery,
    schemas.EntityExport,
    CSV,
)
entity = _read("entity", "An entity by publication and day", Query, schemas.EntityDetail)
entity_posts = _read(
    "entity_posts", "Posts that mention an entity", PostsQuery, schemas.MentioningPostPage
)
compare = _read(
    "compare", "Two publications side by side", CompareQuery, schemas.ComparisonResponse
)
