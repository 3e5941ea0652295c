"""The OpenAPI description: each URL with its parameters, responses and statuses."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    OpenApiWebhook,
    extend_schema,
)
from pydantic import BaseModel

from ingest.analytics.comparison_query import ComparisonQuery
from ingest.analytics.entity_list import EntityQuery
from ingest.analytics.mentioned_with import MentionedWithQuery
from ingest.analytics.name_search import NameQuery
from ingest.analytics.post_list import PostListQuery
from ingest.analytics.table_formats import FORMATS
from ingest.analytics.trends import TrendQuery
from ingest.api import schemas
from ingest.api.analysis import schemas as analysis
from ingest.api.errors import MEDIA_TYPE
from ingest.api.query_params import (
    CompareQuery,
    DeadLettersQuery,
    FailedPostsQuery,
    ListQuery,
    PostsQuery,
    PublicationsQuery,
    Query,
    SeriesQuery,
)
from ingest.api.request_body import JSON, NDJSON

F = TypeVar("F", bound=Callable[..., Any])

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
GRAPHML = "application/graphml+xml"

PROBLEM_DESCRIPTIONS = {
    400: "The body is not valid JSON in UTF-8, or not valid chunks or gzip.",
    401: "The request has no valid API key.",
    403: "The key does not allow this request.",
    404: "Not found.",
    408: "The body took too long. Send the rest in another request.",
    409: "This Idempotency-Key has no answer yet, or the post was forgotten.",
    411: "The Content-Length header is missing.",
    413: "The body or the list in it is too large.",
    415: "The media type is not JSON or JSON lines, or the encoding is not gzip.",
    422: "It is not a post, or a parameter is not valid. `errors` names the fields.",
    429: "The key, or the address, has used its requests of this minute.",
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

OF_ENTITY = (
    OpenApiParameter(
        "entity_id",
        str,
        OpenApiParameter.PATH,
        description=(
            "An entity's id. The id of a name that an alias has merged answers for the name that it"
            " counts as now, and the answer has the new id."
        ),
    ),
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
    operation: str | None,
    summary: str,
    query: type[BaseModel],
    response: Any,
    *media_types: str,
    of: Sequence[OpenApiParameter] = (),
) -> Callable[[F], F]:
    """Describe a GET with query parameters, in JSON and in other media types; `of` is its path."""
    return described(
        summary,
        responses={
            (200, JSON): response,
            **{(200, kind): OpenApiTypes.STR for kind in media_types},
        },
        problems=(404, 422, 503),
        parameters=[*_parameters(query), *of],
        operation_id=operation,
    )


def export_of(
    query: type[BaseModel], summary: str, *, of: Sequence[OpenApiParameter] = ()
) -> Callable[[F], F]:
    """Describe a download in each of its formats."""
    formats = OpenApiParameter("format_", str, OpenApiParameter.PATH, enum=FORMATS)
    return described(
        summary,
        responses={
            (200, JSON): analysis.TableRows,
            (200, CSV): OpenApiTypes.STR,
            (200, PARQUET): OpenApiTypes.BINARY,
        },
        problems=(404, 422, 503),
        parameters=[*_parameters(query), *of, formats],
    )


def _parameters(query: type[BaseModel]) -> list[OpenApiParameter]:
    fields = query.model_json_schema()
    return [
        OpenApiParameter(name, _without_null(schema), required=name in fields.get("required", ()))
        for name, schema in fields.get("properties", {}).items()
    ]


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
    problems=(400, 408, 409, 411, 413, 415, 422, 503),
    parameters=[
        OpenApiParameter(
            "Content-Encoding",
            str,
            OpenApiParameter.HEADER,
            enum=["gzip", "identity"],
            description="The compression of the body.",
        ),
        OpenApiParameter(
            "priority",
            str,
            enum=["live", "bulk"],
            description="`bulk` makes all posts of the request bulk posts.",
        ),
        OpenApiParameter(
            "Idempotency-Key",
            str,
            OpenApiParameter.HEADER,
            description="Within 24 hours, the same key and body get the answer of the first.",
        ),
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
    problems=(404, 409, 503),
    parameters=[_POST_ID],
)
_OWN_ID = OpenApiParameter(
    "own_id", str, OpenApiParameter.PATH, description="The client's own id of the post."
)
own_post_status = described(
    "Read the status of a post by the publisher's own id",
    response=schemas.PostStatus,
    problems=(404, 503),
    parameters=[_OWN_ID],
)
own_delete = described(
    "Delete a post by the publisher's own id",
    response=schemas.DeletedPost,
    problems=(404, 503),
    parameters=[_OWN_ID],
)
submitted_list = _read(
    "submitted_list", "Read the status of all posts of a list", ListQuery, schemas.ListStatus
)
failed_posts = _read(
    "failed_posts",
    "List the posts of this key that are dead or refused",
    FailedPostsQuery,
    schemas.FailedPostPage,
)
dead_letters = _read(
    "dead_letters",
    "List dead letters by step, reason or publication",
    DeadLettersQuery,
    schemas.DeadLetterPage,
)
dead_letter = described(
    "Read the dead letters of a post",
    response=schemas.DeadLettersOfPost,
    problems=(404, 503),
    parameters=[_POST_ID],
)
_CHOICE = {JSON: schemas.DeadLetterChoice}
_OF_CHOICE = (400, 408, 411, 413, 415, 422, 503)
replay = described(
    "Replay dead letters",
    response=schemas.ReplayOutcome,
    problems=_OF_CHOICE,
    request=_CHOICE,
)
discard = described(
    "Discard dead letters",
    response=schemas.DiscardOutcome,
    problems=_OF_CHOICE,
    request=_CHOICE,
)
_ID = OpenApiParameter("pk", int, OpenApiParameter.PATH, description="Its id.")
_OF_BODY = (400, 408, 411, 413, 415, 422, 503)
watches = described("List the watches of this key", response=schemas.WatchList, problems=(503,))
make_watch = described(
    "Watch a name, a publication, or both",
    operation_id="make_watch",
    responses={(201, JSON): schemas.WatchItem},
    problems=_OF_BODY,
    request={JSON: schemas.WatchRequest},
)
move_watch = described(
    "Give the feed of a watch a new address",
    operation_id="move_watch",
    response=schemas.WatchItem,
    problems=(404, 503),
    request=None,
    parameters=[_ID],
)
delete_watch = described(
    "Delete a watch", responses={204: None}, problems=(404, 503), parameters=[_ID]
)
webhooks = described(
    "List the webhooks of this key",
    operation_id="webhooks",
    response=schemas.WebhookList,
    problems=(503,),
)
make_webhook = described(
    "Make a webhook",
    operation_id="make_webhook",
    description=(
        "Messages are signed after Standard Webhooks. A message may come more than once, always"
        " with the same `webhook-id`. A redirect is not followed. Without an answer of 2xx within"
        " 10 seconds it is sent again, for about 3 days. 410 ends the webhook."
    ),
    responses={(201, JSON): schemas.MadeWebhook},
    problems=_OF_BODY,
    request={JSON: schemas.WebhookRequest},
)
webhook = described(
    "Read a webhook and its deliveries",
    operation_id="webhook",
    response=schemas.WebhookDetail,
    problems=(404, 503),
    parameters=[_ID],
)
replay_webhook = described(
    "Deliver again what was given up",
    operation_id="replay_webhook",
    response=schemas.Replayed,
    problems=(404, 503),
    request=None,
    parameters=[_ID],
)
event = OpenApiWebhook(
    name="event",
    decorator=extend_schema(
        summary="Receive an event",
        description=(
            "The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` are those of"
            " Standard Webhooks. An event may come again, always with the same `webhook-id`."
        ),
        request={JSON: schemas.EventMessage},
        responses={204: OpenApiResponse(description="Received.")},
    ),
)
delete_webhook = described(
    "Delete a webhook", responses={204: None}, problems=(404, 503), parameters=[_ID]
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
    "publication", "Read a publication and its posts by day", SeriesQuery, schemas.PublicationDetail
)
entities = _read("entities", "List the most mentioned entities", EntityQuery, schemas.EntityPage)
export = _read(
    None,
    "Export all entities of a publication as CSV, JSON or Parquet",
    EntityQuery,
    schemas.EntityExport,
    CSV,
    PARQUET,
)
trends = _read(
    "trends",
    "List the entities whose share of posts rises or falls",
    TrendQuery,
    schemas.TrendsResponse,
)
search = _read(
    "search",
    "Find a name in any publication by the beginnings of its words",
    NameQuery,
    schemas.NameSearchResponse,
)
entity = _read(
    "entity",
    "Read an entity by publication and day",
    SeriesQuery,
    schemas.EntityDetail,
    of=OF_ENTITY,
)
entity_posts = _read(
    "entity_posts",
    "List the posts that mention an entity",
    PostsQuery,
    schemas.MentioningPostPage,
    of=OF_ENTITY,
)
compare = _read("compare", "Compare two publications", CompareQuery, schemas.ComparisonResponse)
comparison = _read(
    "comparison",
    "Compare publications, groups, names and periods",
    ComparisonQuery,
    analysis.ManyComparison,
)
groups = _read("groups", "List the groups of publications", Query, analysis.GroupList)
group = _read("group", "Read a group of publications", Query, analysis.GroupDetail)
keep_group = described(
    "Keep a group of publications under an address",
    request={JSON: analysis.GroupRequest},
    responses={
        (200, JSON): OpenApiResponse(analysis.GroupDetail, "The group was changed."),
        (201, JSON): OpenApiResponse(analysis.GroupDetail, "The group is new."),
    },
    problems=(400, 404, 408, 411, 413, 415, 422, 503),
)
forget_group = described(
    "Forget a group of publications",
    responses={204: OpenApiResponse(None, "The group is forgotten.")},
    problems=(404, 503),
)
mentioned_with = _read(
    "mentioned_with",
    "List the entities that an entity's posts mention too",
    MentionedWithQuery,
    analysis.MentionedWithAnswer,
    of=OF_ENTITY,
)
graphml = described(
    "Read the network of the entities that an entity's posts mention too",
    responses={(200, GRAPHML): OpenApiTypes.STR},
    problems=(404, 422, 503),
    parameters=[*_parameters(MentionedWithQuery), *OF_ENTITY],
)
publication_posts = _read(
    "publication_posts", "List the posts of a publication", PostListQuery, analysis.PostPage
)
post_content = described(
    "Read a saved post: its text, its names and its history",
    response=analysis.PostContent,
    problems=(404, 422, 503),
    parameters=[_POST_ID],
)
