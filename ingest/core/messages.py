"""The messages on the queues: versioned JSON, validated at both ends."""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import accumulate, groupby
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ingest.core.posts import Post, Priority


class Entity(NamedTuple):
    """A name in a post, and the number of its mentions there."""

    key: str
    label: str
    text: str
    mentions: int


class Message(BaseModel):
    """A part of a message; it refuses unknown fields, so a wrong version cannot pass unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, payload: object) -> Self:
        """
        Validate a payload that came from a queue.

        Raises:
            ValidationError: pydantic's; this version does not read the payload.
        """
        return cls.model_validate(payload)

    def payload(self) -> dict[str, Any]:
        """Return the JSON types that go on the wire."""
        return self.model_dump(mode="json", exclude_none=True)


class AcceptedPost(Message):
    """A post that the API answered with 202: the client's fields, the post id and the time."""

    # The limits of these two are those of the database's columns.
    post_id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    accepted_at: AwareDatetime
    # When the API accepted the first revision, if the client has edited the post since.
    first_accepted_at: AwareDatetime | None = None
    # When an operator asked to reprocess the saved post.
    again_at: AwareDatetime | None = None
    # The client's own id of the post, if it gave one, and the API key that brought the post.
    own_id: str | None = None
    key_id: int | None = None
    # The request that brought the post; the log has this id in the lines of both.
    request_id: str | None = None
    # The request's trace context, as in W3C's header of this name.
    traceparent: str | None = None
    publication: Annotated[str, Field(max_length=200)]
    content: str
    url: str | None = None
    title: str | None = None
    published_at: AwareDatetime | None = None
    # When the API accepted the revision with this date, if a later revision came without a date.
    dated_at: AwareDatetime | None = None
    language: str | None = None
    # The queues that the post passes through; None, as in a message of an older version, is live.
    priority: Priority | None = None

    @classmethod
    def from_post(cls, post: Post, *, accepted_at: datetime, **origin: Any) -> Self:
        """Give a post its id; it keeps this id even if a later version computes another one."""
        fields = post.model_dump(exclude={"id"})
        return cls(
            post_id=post.post_id, own_id=post.id, accepted_at=accepted_at, **origin, **fields
        )


class PostEntities(AcceptedPost):
    """A post, the entities it mentions, and the name of the model that found them."""

    model: str
    entities: tuple[Entity, ...]
    # The version of the operator's patterns; None without patterns.
    patterns: int | None = None
    # The entities that the model found, if alias rules changed them, and the rules' version.
    found: tuple[Entity, ...] | None = None
    rules: int | None = None

    @property
    def first_at(self) -> datetime:
        """The time at which the API accepted the first revision of the post."""
        return self.first_accepted_at or self.accepted_at

    @property
    def accepted_day(self) -> str:
        """The day in UTC, in ISO form, on which the API accepted this revision."""
        return self.accepted_at.astimezone(UTC).date().isoformat()

    @property
    def day(self) -> date:
        """The day the post counts for, in UTC: the day of publication, else of acceptance."""
        return (self.published_at or self.first_at).astimezone(UTC).date()


class ExtractMessage(Message):
    """Posts for an extract worker."""

    version: Literal[1] = 1
    posts: tuple[AcceptedPost, ...]


class SaveMessage(Message):
    """Posts for a save worker."""

    version: Literal[1] = 1
    posts: tuple[PostEntities, ...]


class SavedPostId(Message):
    """A post that was saved, and the API key that brought it."""

    post_id: str
    key_id: int | None = None


class NotifyMessage(Message):
    """Saved posts, for the evaluation of watches."""

    version: Literal[1] = 1
    saved: tuple[SavedPostId, ...]


P = TypeVar("P", bound=AcceptedPost)


def cut(posts: Iterable[P], *, characters: int) -> Iterator[tuple[P, ...]]:
    """
    Cut posts, in their order, into few groups of about `characters` characters of content.

    The groups are about equally large: a small last group would cost nearly as much as a full one.
    """
    posts = tuple(posts)
    sizes = [len(post.content) for post in posts]
    group_size = sum(sizes) / max(1, math.ceil(sum(sizes) / characters)) or 1
    middles = (end - size / 2 for end, size in zip(accumulate(sizes), sizes, strict=True))
    placed = zip(middles, posts, strict=True)
    for _, group in groupby(placed, key=lambda place: place[0] // group_size):
        yield tuple(post for _, post in group)
