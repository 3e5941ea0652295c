"""What the API answers, as its description shows it."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ingest.core.messages import PostEntities
from ingest.core.posts import Post


class PostsRequest(RootModel[Post | list[Post]]):
    """One post, or a list of them."""


class FieldError(BaseModel):
    """What is wrong with a field, and where it is: a JSON Pointer into what was sent."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """Why a request was not answered as asked (RFC 9457)."""

    title: str
    status: int
    detail: str | None = None
    errors: list[FieldError] = []


class AcceptedResult(BaseModel):
    """The post is on a durable queue; the address tells what becomes of it."""

    status: Literal["accepted"] = "accepted"
    id: str
    url: str


class DuplicateResult(BaseModel):
    """The same post came before in this request, and was accepted there."""

    status: Literal["duplicate"] = "duplicate"
    id: str
    url: str


class RefusedResult(BaseModel):
    """It is not a post, or not one that the key may submit."""

    status: Literal["refused"] = "refused"
    errors: list[FieldError]


PostResult = Annotated[
    AcceptedResult | DuplicateResult | RefusedResult, Field(discriminator="status")
]


class ListResponse(BaseModel):
    """What became of each post of a list, in its order."""

    accepted: int
    duplicates: int
    refused: int
    posts: list[PostResult]


class SubmitResponse(RootModel[AcceptedResult | ListResponse]):
    """What became of the post, or of each post of a list."""


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
        """Return what is told of a saved post; its text is not."""
        fields = post.model_dump(exclude={"post_id", "content", "entities", "found", "again_at"})
        entities = [PostEntity(**entity._asdict()) for entity in post.entities]
        return cls(id=post.post_id, entities=entities, **fields)


class QueuedPost(BaseModel):
    """The post was accepted, as the receipt proves, and is on its way."""

    id: str
    status: Literal["queued"] = "queued"
    accepted_at: datetime


class DeadPost(BaseModel):
    """The post could not be processed, and waits for a person."""

    id: str
    status: Literal["dead"] = "dead"
    step: str
    reason: str
    attempts: int


class DeletedPost(BaseModel):
    """The post was deleted: it counts for nothing, whatever of it was on its way."""

    id: str
    status: Literal["deleted"] = "deleted"
    deleted_at: datetime


PostState = Annotated[
    SavedPost | QueuedPost | DeadPost | DeletedPost, Field(discriminator="status")
]


class PostStatus(RootModel[PostState]):
    """What became of a post."""


class PipelineStatus(BaseModel):
    """Whether posts are taken in, and what is on its way, in messages."""

    writable: bool
    drained: bool
    empty: bool
    waiting: dict[str, int]
    oldest_seconds: dict[str, float]
    in_work: int
    dead_letters: int


class RequestLimits(BaseModel):
    """What one request may bring, and how many a minute; 0 is no limit."""

    body_bytes: int
    posts: int
    line_bytes: int
    unpacked_bytes: int
    content_characters: int
    name_characters: int
    requests_per_minute: int


class ResponseModel(BaseModel):
    """An answer about counts: nothing stands in it that its description leaves out."""

    model_config = ConfigDict(extra="forbid")


class PublicationItem(ResponseModel):
    """A publication, and the posts of it that are saved."""

    name: str
    id: str
    posts: int
    first_day: date | None
    last_day: date | None
    url: str
    entities_url: str


class PublicationPage(ResponseModel):
    """Publications by name."""

    publications: list[PublicationItem]
    next: str | None = Field(description="The address of the next page.")


class PublicationDetail(PublicationItem):
    """A publication, and how many of its posts count for each day."""

    days: dict[str, int]


class EntityIdentity(ResponseModel):
    """What an entity is shown and counted as."""

    id: str
    family: str
    key: str
    label: str
    text: str


class EntityItem(EntityIdentity):
    """An entity of a publication; within a window of days its posts are not known."""

    mentions: int
    posts: int | None
    share_of_posts: float | None


class WindowBounds(ResponseModel):
    """The days that a list is of, both included."""

    since: date | None
    until: date | None


class EntityExport(ResponseModel):
    """Entities of a publication, and what they are a part of."""

    publication: str
    posts: int = Field(description="The sample: how many posts count for the window.")
    window: WindowBounds
    order: Literal["mentions", "key"]
    considered: int | None = Field(
        None, description="Within days: how many entities were put in the order of the window."
    )
    certain: int | None = Field(
        None, description="Within days: how many of the first are the first in any case."
    )
    entities: list[EntityItem]


class EntityPage(EntityExport):
    """A page of the entities of a publication."""

    next: str | None = Field(description="The address of the next page, of the same moment.")


class EntityInPublication(ResponseModel):
    """An entity in one publication: mentions by day, and in how many of how many posts."""

    publication: str
    id: str
    of_posts: int
    mentions: int
    posts: int
    days: dict[str, int]


class EntityDetail(EntityIdentity):
    """An entity in the publications that mention it most."""

    mentions: int
    posts: int
    of_posts: int
    days: dict[str, int]
    publications: list[EntityInPublication]


class SnippetParts(ResponseModel):
    """The first sentence of a post that mentions an entity."""

    before: str
    mention: str
    after: str


class MentioningPost(ResponseModel):
    """A post that mentions an entity; without a passage where its text was not kept."""

    id: str
    publication: str
    day: date
    title: str | None
    url: str | None
    passage: SnippetParts | None


class MentioningPostPage(ResponseModel):
    """Posts that mention an entity, the newest first."""

    entity: str
    posts: list[MentioningPost]
    next: str | None = Field(description="The address of the next page.")


class MentionCounts(ResponseModel):
    """How often one of two publications mentions an entity."""

    mentions: int
    posts: int


class ComparedEntity(EntityIdentity):
    """An entity in both publications."""

    first: MentionCounts
    second: MentionCounts


class ComparisonResponse(ResponseModel):
    """Of the entities that each publication mentions most, what the other does not, and both."""

    first: PublicationItem
    second: PublicationItem
    compared: int = Field(description="How many entities of each publication were looked up.")
    only_first: list[ComparedEntity]
    only_second: list[ComparedEntity]
    both: list[ComparedEntity]
