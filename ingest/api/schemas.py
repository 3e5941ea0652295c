"""The requests and responses of the API, as OpenAPI describes them."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ingest.core.messages import PostEntities
from ingest.core.posts import Post


class PostsRequest(RootModel[Post | list[Post]]):
    """One post, or a list of posts."""


class FieldError(BaseModel):
    """An error in a field. `pointer` is a JSON Pointer into the request."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    title: str
    status: int
    detail: str | None = None
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


PostState = Annotated[
    SavedPost | QueuedPost | DeadPost | DeletedPost, Field(discriminator="status")
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


class PublicationDetail(PublicationItem):
    """A publication, and how many of its posts count for each day."""

    days: dict[str, int]


class EntityIdentity(ResponseModel):
    """The name of an entity: it is counted by family and key, and shown as text and label."""

    id: str
    family: str
    key: str
    label: str
    text: str


class EntityItem(EntityIdentity):
    """An entity of a publication. Within a day window its number of posts is not known."""

    mentions: int
    posts: int | None
    share_of_posts: float | None


class WindowBounds(ResponseModel):
    """The day window of a list. Both days are included."""

    since: date | None
    until: date | None


class EntityExport(ResponseModel):
    """Entities of a publication, and the sample they were counted in."""

    publication: str
    posts: int = Field(description="The sample: how many posts count for the day window.")
    window: WindowBounds
    order: Literal["mentions", "key"]
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


class EntityInPublication(ResponseModel):
    """An entity in one publication: its mentions, and in how many of its posts it is mentioned."""

    publication: str
    id: str
    of_posts: int
    mentions: int
    posts: int
    days: dict[str, int]


class EntityDetail(EntityIdentity):
    """An entity, and its counts in the publications that mention it most."""

    mentions: int
    posts: int
    of_posts: int
    days: dict[str, int]
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

    entity: str
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
