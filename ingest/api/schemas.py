"""The requests and responses of the API, as OpenAPI describes them."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ingest.analytics.time_axis import Step
from ingest.core.messages import PostEntities
from ingest.core.posts import Post


class PostsRequest(RootModel[Post | list[Post]]):
    """One post, or a list of posts."""


class FieldError(BaseModel):
    """An error in a field. `pointer` is a JSON Pointer into the request."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """
    An error (RFC 9457).

    `type` is the address of a page that says what it means, and what a client does. `instance` is
    the path of the request.
    """

    type: str | None = None
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    errors: list[FieldError] = []


class AcceptedResult(BaseModel):
    """The post is on a durable queue. Its status is at `url`."""

    status: Literal["accepted"] = "accepted"
    id: str
    url: str


class DuplicateResult(BaseModel):
    """This request contains the same post earlier, where it was accepted."""

    status: Literal["duplicate"] = "duplicate"
    id: str
    url: str


class RefusedResult(BaseModel):
    """It is not a valid post, or the key may not submit posts of this publication."""

    status: Literal["refused"] = "refused"
    errors: list[FieldError]


PostResult = Annotated[
    AcceptedResult | DuplicateResult | RefusedResult, Field(discriminator="status")
]


class ListResponse(BaseModel):
    """The result of each post of a list, in order."""

    accepted: int
    duplicates: int
    refused: int
    posts: list[PostResult]


class SubmitResponse(RootModel[AcceptedResult | ListResponse]):
    """The result of the post, or of each post of a list."""


class PostEntity(BaseModel):
    """An entity of a post, and how often the post mentions it."""

    key: str
    label: str
    text: str
    mentions: int


class SavedPost(BaseModel):
    """The post is counted."""

    id: str
    status: Literal["saved"] = "saved"
    publication: str
    accepted_at: datetime
    first_accepted_at: datetime | None
    published_at: datetime | None
    url: str | None
    title: str | None
    language: str | None
    model: str
    patterns: int | None
    rules: int | None
    entities: list[PostEntity]

    @classmethod
    def of(cls, post: PostEntities) -> Self:
        """Return a saved post without its text."""
        fields = post.model_dump(include=cls.model_fields.keys() - {"id", "status", "entities"})
        entities = [PostEntity(**entity._asdict()) for entity in post.entities]
        return cls(id=post.post_id, entities=entities, **fields)


class QueuedPost(BaseModel):
    """The post was accepted, as the receipt proves, and is not processed yet."""

    id: str
    status: Literal["queued"] = "queued"
    accepted_at: datetime


class DeadPost(BaseModel):
    """The post could not be processed. It is kept as a dead letter until a person decides."""

    id: str
    status: Literal["dead"] = "dead"
    step: str
    reason: str
    attempts: int


class DeletedPost(BaseModel):
    """The post was deleted. It does not count, even if it was still queued."""

    id: str
    status: Literal["deleted"] = "deleted"
    deleted_at: datetime


class ForgottenPost(BaseModel):
    """The post was forgotten after its time. It still counts, and it cannot be deleted."""

    id: str
    status: Literal["forgotten"] = "forgotten"
    forgotten_at: datetime


PostState = Annotated[
    SavedPost | QueuedPost | DeadPost | DeletedPost | ForgottenPost, Field(discriminator="status")
]


class PostStatus(RootModel[PostState]):
    """The status of a post."""


class PipelineStatus(BaseModel):
    """The state of the intake, and how many messages wait or are in progress (`in_work`)."""

    writable: bool
    drained: bool
    empty: bool
    waiting: dict[str, int]
    oldest_seconds: dict[str, float]
    in_work: int
    dead_letters: int


class RequestLimits(BaseModel):
    """The size limits of a request, and the requests per minute. 0 means no limit."""

    body_bytes: int
    posts: int
    lines: int
    line_bytes: int
    unpacked_bytes: int
    content_characters: int
    name_characters: int
    requests_per_minute: int


# A list that a prefix narrows is ordered by key.
ListOrder = Literal["mentions", "posts", "key"]


class ResponseModel(BaseModel):
    """The base of responses about counts. Undescribed fields are an error."""

    model_config = ConfigDict(extra="forbid")


class PublicationItem(ResponseModel):
    """A publication, and how many of its posts are saved."""

    name: str
    id: str
    posts: int
    first_day: date | None
    last_day: date | None
    url: str
    entities_url: str


class PublicationPage(ResponseModel):
    """A page of publications by name."""

    publications: list[PublicationItem]
    next: str | None = Field(description="The URL of the next page.")


class WindowBounds(ResponseModel):
    """A day window. Both days are included."""

    since: date | None
    until: date | None


class PublicationStep(ResponseModel):
    """The posts of a day, week, month or year, by its first day."""

    since: date
    posts: int


class PublicationDetail(PublicationItem):
    """A publication, and how many of its posts count for each day of a window."""

    days: dict[str, int]
    window: WindowBounds
    step: Step | None = Field(description="A longer one than asked for, if there were too many.")
    series: list[PublicationStep]


class EntityIdentity(ResponseModel):
    """The name of an entity: it is counted by family and key, and shown as text and label."""

    id: str
    family: str
    key: str
    label: str
    text: str


class EntityItem(EntityIdentity):
    """An entity of a publication, with what it counts within the day window of the list."""

    mentions: int
    posts: int
    share_of_posts: float | None


class EntityExport(ResponseModel):
    """Entities of a publication, and the sample they were counted in."""

    publication: str
    posts: int = Field(description="The sample: how many posts count for the day window.")
    window: WindowBounds
    order: ListOrder
    considered: int | None = Field(
        None, description="With a day window: how many entities were ranked."
    )
    certain: int | None = Field(
        None, description="With a day window: how many positions of the ranking are certain."
    )
    entities: list[EntityItem]


class EntityPage(EntityExport):
    """A page of the entities of a publication."""

    next: str | None = Field(description="The URL of the next page, with the same read time.")


class TrendSample(ResponseModel):
    """A window of days, both included, and how many posts count for it."""

    since: date
    until: date
    posts: int


class TrendItem(EntityIdentity):
    """An entity whose share of posts has changed."""

    posts: int = Field(description="How many posts of the recent sample mention it.")
    before: int = Field(description="How many posts of the baseline mention it.")
    share: float
    share_before: float
    score: float = Field(description="The difference of the shares over its standard error.")
    is_new: bool = Field(description="Whether no post before the recent window mentions it.")


class TrendsResponse(ResponseModel):
    """The entities that rise and fall, the strongest trend first."""

    publication: str
    recent: TrendSample
    baseline: TrendSample
    least_posts: int = Field(description="An entity needs as many posts in one of the samples.")
    least_score: float = Field(description="A weaker trend is left out.")
    considered: int = Field(description="How many entities have enough posts.")
    is_exact: bool = Field(description="Whether no entity could be missing.")
    rising: list[TrendItem]
    falling: list[TrendItem]


class NamePublication(ResponseModel):
    """A publication that mentions a name, and how often, and in how many of its posts."""

    publication: str
    id: str
    mentions: int
    posts: int


class FoundEntity(EntityIdentity):
    """A name that a search found, with its sums over all publications."""

    mentions: int
    posts: int
    publications: list[NamePublication] = Field(description="Those that mention it most.")


class NameSearchResponse(ResponseModel):
    """The names that a search found in all publications, in their order."""

    order: ListOrder
    considered: int = Field(description="How many names were ranked.")
    is_exact: bool = Field(
        description="Whether every name that matches was ranked, or those with most mentions."
    )
    entities: list[FoundEntity]


class EntityInPublication(ResponseModel):
    """An entity in one publication: its mentions, and in how many of its posts it is mentioned."""

    publication: str
    id: str
    of_posts: int
    mentions: int
    posts: int
    days: dict[str, int]


class EntityStep(ResponseModel):
    """The counts of a day, week, month or year, by its first day."""

    since: date
    mentions: int
    posts: int
    of_posts: int


class EntityDetail(EntityIdentity):
    """An entity, and its counts within a window in the publications that mention it most."""

    mentions: int
    posts: int
    of_posts: int
    days: dict[str, int]
    window: WindowBounds
    step: Step | None = Field(description="A longer one than asked for, if there were too many.")
    series: list[EntityStep]
    publications: list[EntityInPublication]


class SnippetParts(ResponseModel):
    """The first sentence of a post that mentions the entity, split at the mention."""

    before: str
    mention: str
    after: str


class MentioningPost(ResponseModel):
    """A post that mentions an entity. `passage` is null if the post's text was not kept."""

    id: str
    publication: str
    day: date
    title: str | None
    url: str | None
    passage: SnippetParts | None


class MentioningPostPage(ResponseModel):
    """A page of the posts that mention an entity, newest first."""

    entity: str = Field(description="The id, or that of the name an alias has merged it into.")
    total: int = Field(description="How many posts match, of those searched.")
    searched: int | None = Field(
        description="With `title`: how many of the newest posts were searched, at most 1,000."
    )
    posts: list[MentioningPost]
    next: str | None = Field(description="The URL of the next page.")


class MentionCounts(ResponseModel):
    """How often one of two publications mentions an entity."""

    mentions: int
    posts: int


class ComparedEntity(EntityIdentity):
    """An entity, and its counts in each of two publications."""

    first: MentionCounts
    second: MentionCounts


class ComparisonResponse(ResponseModel):
    """The entities that only the first, only the second, and both publications mention."""

    first: PublicationItem
    second: PublicationItem
    compared: int = Field(
        description="How many of the most mentioned entities of each publication were compared."
    )
    only_first: list[ComparedEntity]
    only_second: list[ComparedEntity]
    both: list[ComparedEntity]
