"""What travels on the queues: JSON, checked at both ends, with a version that a deploy can meet."""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import accumulate, groupby
from typing import Any, Literal, NamedTuple, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ingest.core.posts import Post


class Entity(NamedTuple):
    """A name in a post, and how often the post mentions it."""

    key: str
    label: str
    text: str
    mentions: int


class Message(BaseModel):
    """A part of a message: what is unknown is refused, so a wrong version cannot pass unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, payload: object) -> Self:
        """Check a payload that came from a queue; pydantic's ValidationError says what is wrong."""
        return cls.model_validate(payload)

    def payload(self) -> dict[str, Any]:
        """Return the JSON types that go on the wire."""
        return self.model_dump(mode="json", exclude_none=True)


class AcceptedPost(Message):
    """A post that was answered with 202: what the client sent, its id, and when it came."""

    post_id: str
    accepted_at: AwareDatetime
    # Of a post that was edited: when the first of its revisions was accepted.
    first_accepted_at: AwareDatetime | None = None
    # Of a saved post that is run through the model again: when that was asked for.
    again_at: AwareDatetime | None = None
    # Of the request that brought it: by this id the log tells of both.
    request_id: str | None = None
    # And its place in a trace, as W3C's header of this name has it.
    traceparent: str | None = None
    publication: str
    content: str
    url: str | None = None
    title: str | None = None
    published_at: AwareDatetime | None = None
    language: str | None = None

    @classmethod
    def from_post(cls, post: Post, *, accepted_at: datetime, **origin: Any) -> Self:
        """Give a post the id that it keeps on its way, whatever a later version would give it."""
        fields = post.model_dump(exclude={"id"})
        return cls(post_id=post.post_id, accepted_at=accepted_at, **origin, **fields)


class PostEntities(AcceptedPost):
    """A post and the entities it mentions, under the name of the model that found them."""

    model: str
    entities: tuple[Entity, ...]
    # The version of the operator's patterns, where there are any.
    patterns: int | None = None
    # What the model found, where rules count something else; and the version of those rules.
    found: tuple[Entity, ...] | None = None
    rules: int | None = None

    @property
    def first_at(self) -> datetime:
        """When the first revision of the post was accepted."""
        return self.first_accepted_at or self.accepted_at

    @property
    def day(self) -> date:
        """The day the post counts for: when it was published, else first accepted, in UTC."""
        return (self.published_at or self.first_at).astimezone(UTC).date()


class ExtractMessage(Message):
    """Posts whose entities are to be found."""

    version: Literal[1] = 1
    posts: tuple[AcceptedPost, ...]


class SaveMessage(Message):
    """Posts that are to be counted and saved."""

    version: Literal[1] = 1
    posts: tuple[PostEntities, ...]


P = TypeVar("P", bound=AcceptedPost)


def cut(posts: Iterable[P], *, characters: int) -> Iterator[tuple[P, ...]]:
    """
    Cut posts, in their order, into few groups of about so many characters of content.

    They are about equally large, since a small rest would cost nearly as much as a full batch.
    """
    posts = tuple(posts)
    sizes = [len(post.content) for post in posts]
    even = sum(sizes) / max(1, math.ceil(sum(sizes) / characters)) or 1
    middles = (end - size / 2 for end, size in zip(accumulate(sizes), sizes, strict=True))
    placed = zip(middles, posts, strict=True)
    for _, group in groupby(placed, key=lambda place: place[0] // even):
        yield tuple(post for _, post in group)
