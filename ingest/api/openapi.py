"""The OpenAPI description: each URL with its parameters, responses and statuses."""

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
    400: "The body is not valid JSON in UTF-8, or not valid chunks or gzip.",
    401: "The request has no valid API key.",
    403: "The key does not allow this request.",
    404: "Not found.",
    408: "The body took too long. Send the rest in another request.",
    411: "The Content-Length header is missing.",
    413: "The body or the list in it is too large.",
    415: "The media type is not JSON or JSON lines, or the encoding is not gzip.",
    422: "It is not a post, or a parameter is not valid. `errors` names the fields.",
    429: "The key has used its requests of this minute.",
    503: "The service cannot answer now. Send the same request again after `Retry-After`.",
}
COMMON_STATUSES = (401, 403, 429)
# The web server answers this before the request reaches our code.
TOO_LONG = {(414, "text/html"): OpenApiResponse(OpenApiTypes.STR, "The URL is too long.")}

RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    response=[429, 503],
    required=True,
    description="Seconds to wait before the next try.",
)

POST = {"publication": "The Gazette", "content": "Angela Merkel met Barack Obama in Berlin."}
EDIT = {"publication": "The Gazette", "id": "a-1", "content": "Angela Merkel came home."}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme: an API key as a bearer token."""

    target_class = "ingest.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `ing_…`."}


def described(
    summary: str,
    *,
    response: Any = None,
    responses: dict[Any, Any] | None = None,
    problems: tuple[int, ...] = (),
    **more: Any,
) -> Callable[[F], F]:
    """Describe a method of a view: its responses, and the statuses of its problems."""
    statuses = sorted({*COMMON_STATUSES, *problems})
    return extend_schema(
        summary=summary,
        responses={
            **(responses or {(200, JSON): response}),
            **{(status, MEDIA_TYPE): _problem(status) for status in statuses},
            **TOO_LONG,
        },
        parameters=[*more.pop("parameters", ()), RETRY_AFTER],
        **more,
    )


def _problem(status: int) -> OpenApiResponse:
    return OpenApiResponse(schemas.Problem, PROBLEM_DESCRIPTIONS[status])


def _read(
    operation: str | None, summary: str, query: type[BaseModel], response: Any, *media_types: str
) -> Callable[[F], F]:
    """Describe a GET with query parameters, in JSON and in other media types."""
    fields = query.model_json_schema()
    parameters = [
        OpenApiParameter(name, _without_null(schema), required=name in fields.get("required", ()))
        for name, schema in fields.get("properties", {}).items()
    ]
    return described(
        summary,
        responses={
            (200, JSON): response,
            **{(200, kind): OpenApiTypes.STR for kind in media_types},
        },
        problems=(404, 422, 503),
        parameters=parameters,
        operation_id=operation,
    )


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter without null, which a URL cannot contain."""
    (kind, *_) = schema.get("anyOf", [schema])
    return {name: value for name, value in kind.items() if name not in ("title", "default")}


submit = described(
    "Send posts",
    description=(
        "Send one post, a list of posts, or up to a million posts as JSON lines. Accepted is a"
        " promise: the post will be counted once, or become a dead letter. The same post has the"
        " same `id` in its publication. Without an `id` it has the same content. The same `id` with"
        " other content is an edit. Lines are answered while they arrive, so read while you send."
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
    responses={
        (200, NDJSON): OpenApiResponse(
            OpenApiTypes.BINARY, "A result for each line, and the counts at the end."
        ),
        (202, JSON): OpenApiResponse(
            schemas.SubmitResponse, "Accepted. A list has a result for each post."
        ),
    },
    problems=(400, 408, 411, 413, 415, 422, 503),
    parameters=[
        OpenApiParameter(
            "Content-Encoding",
            str,
            OpenApiParameter.HEADER,
            enum=["gzip", "identity"],
            description="The compression of the body.",
        )
    ],
)
_POST_ID = OpenApiParameter(
    "post_id", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, OpenApiParameter.PATH
)
post_status = described(
    "Read the status of a post",
    description=(
        "The `url` of an accepted post contains a receipt. With the receipt, a post that is not"
        " processed yet is `queued`. Without it, the answer for such a post is 404."
    ),
    response=schemas.PostStatus,
    problems=(404, 422, 503),
    parameters=[
        _POST_ID,
        OpenApiParameter("receipt", str, description="From the `url` of the accepted post."),
    ],
)
delete = described(
    "Delete a post",
    description="The post no longer counts, even if it is still queued.",
    response=schemas.DeletedPost,
    problems=(404, 503),
    parameters=[_POST_ID],
)
status = described(
    "Read the state of the intake and the queues", response=schemas.PipelineStatus, problems=(503,)
)
drain = described(
    "Refuse new posts", response=schemas.PipelineStatus, problems=(503,), request=None
)
resume = described(
    "Accept posts again", response=schemas.PipelineStatus, problems=(503,), request=None
)
limits = described("Read the limits of a request", response=schemas.RequestLimits)
publications = _read(
    "publications", "List publications by name", PublicationsQuery, schemas.PublicationPage
)
publication = _read(
    "publication", "Read a publication and its posts by day", Query, schemas.PublicationDetail
)
entities = _read("entities", "List the most mentioned entities", EntityQuery, schemas.EntityPage)
export = _read(
    None,
    "Export all entities of a publication as CSV or JSON",
    EntityQuery,
    schemas.EntityExport,
    CSV,
)
entity = _read("entity", "Read an entity by publication and day", Query, schemas.EntityDetail)
entity_posts = _read(
    "entity_posts", "List the posts that mention an entity", PostsQuery, schemas.MentioningPostPage
)
compare = _read("compare", "Compare two publications", CompareQuery, schemas.ComparisonResponse)
