"""The requests and responses of the API, as OpenAPI describes them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from ingest.analytics.time_axis import Step
from ingest.core.entity_names import entity_key
from ingest.core.messages import PostEntities
from ingest.core.posts import MAX_NAME_CHARACTERS, Post


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
    own_id: str | None = Field(None, description="The client's own id; absent without one.")
    url: str


class DuplicateResult(BaseModel):
    """This request contains the same post earlier, where it was accepted."""

    status: Literal["duplicate"] = "duplicate"
    id: str
    own_id: str | None = Field(None, description="The client's own id; absent without one.")
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
    url: str | None = Field(
        description="The status of all accepted posts, for 7 days. Lists of bulk posts have none."
    )
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
    own_id: str | None
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
    own_id: str | None
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


class FailedPost(BaseModel):
    """A post of a key that is a dead letter, or that the API refused, and why."""

    state: Literal["dead", "refused"]
    id: str | None
    own_id: str | None
    publication: str
    at: datetime
    reason: str
    detail: str
    errors: list[FieldError]


class FailedPostPage(BaseModel):
    """A page of a key's own posts that failed, the oldest first."""

    posts: list[FailedPost]
    next: str | None = Field(description="The URL of the next page.")


class ListedPost(BaseModel):
    """An accepted post of a list, its status, and where to read more of it."""

    id: str
    status: Literal["saved", "queued", "dead", "deleted", "forgotten"]
    url: str


class ListStatus(BaseModel):
    """A submitted list, and a page of its accepted posts."""

    accepted: int
    refused: int
    accepted_at: datetime
    posts: list[ListedPost]
    next: str | None = Field(description="The URL of the next page.")


class DeadLetterItem(BaseModel):
    """A dead letter, without its trace and its message."""

    post_id: str
    publication: str
    step: str
    reason: str
    detail: str
    attempts: int
    first_at: datetime
    last_at: datetime


class DeadLetterPage(BaseModel):
    """A page of dead letters, the oldest first, and how many match."""

    dead_letters: list[DeadLetterItem]
    count: int
    next: str | None = Field(description="The URL of the next page.")


class DeadLetterDetail(DeadLetterItem):
    """A dead letter, with the trace of its error and the message that it keeps."""

    trace: str
    payload: dict[str, Any]


class DeadLettersOfPost(BaseModel):
    """The dead letters of one post, one for each step at most."""

    dead_letters: list[DeadLetterDetail]


class DeadLetterChoice(BaseModel):
    """Which dead letters to replay or discard. All that is named must match."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: list[str] | None = None
    reason: str | None = None
    step: str | None = None
    publication: str | None = None
    all: bool = False


class ReplayOutcome(BaseModel):
    """How many dead letters were replayed or kept. More than 100 are `started`, and go on alone."""

    started: int
    replayed: int = 0
    unreadable: int = 0
    without_model: int = 0
    problem: str


class DiscardOutcome(BaseModel):
    """How many dead letters were deleted."""

    discarded: int


WatchCondition = Literal["any", "first", "more", "rising"]


class WatchRequest(BaseModel):
    """What to watch: a name with its label, a publication, or a name in a publication."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(max_length=100)] = ""
    label: Annotated[str, Field(max_length=40)] = ""
    publication: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] = ""
    condition: WatchCondition = "any"
    more_than: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    hours: Annotated[int, Field(ge=1, le=8760)] = 24

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not (self.name or self.publication):
            raise ValueError("names neither a name nor a publication")
        if self.name and not (self.label and entity_key(self.name)):
            raise ValueError("has a name without a label, or without a letter or digit")
        if self.condition == "rising" and self.hours % 24:
            raise ValueError("is rising, which is judged by whole days: 24 hours, 48 and so on")
        return self


class WatchItem(BaseModel):
    """A watch, and the secret address of its Atom feed."""

    id: int
    name: str
    label: str
    publication: str
    condition: WatchCondition
    more_than: int
    hours: int
    feed: str


class WatchList(BaseModel):
    """The watches of a key."""

    watches: list[WatchItem]


EventType = Literal["watch.matched", "post.saved", "post.dead", "post.deleted"]


class WebhookRequest(BaseModel):
    """An address that gets events. It must be public, and begin with https://."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Annotated[str, Field(max_length=500)]
    events: Annotated[list[EventType], Field(min_length=1)]


class WebhookItem(BaseModel):
    """A webhook of a key."""

    id: int
    url: str
    events: list[EventType]
    active: bool


class WebhookList(BaseModel):
    """The webhooks of a key."""

    webhooks: list[WebhookItem]


class MadeWebhook(WebhookItem):
    """A new webhook, and the secret that signs its messages. It is shown only here."""

    secret: str


class DeliveryItem(BaseModel):
    """A delivery of an event, and the last answer."""

    event: str
    type: EventType
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    status: int | None
    answer: str
    last_at: datetime | None


class WebhookDetail(WebhookItem):
    """A webhook, and its newest deliveries."""

    deliveries: list[DeliveryItem]


class Replayed(BaseModel):
    """How many deliveries are due again."""

    replayed: int


class EventMessage(BaseModel):
    """What a webhook gets. The header `webhook-id` is the id of the event."""

    type: EventType
    timestamp: datetime
    data: dict[str, Any]


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
