"""What the API answers, as its description shows it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, RootModel

from ingest.messages import PostEntities
from ingest.posts import Post


class Posts(RootModel[Post | list[Post]]):
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


class Accepted(BaseModel):
    """The post is on a durable queue; the address tells what becomes of it."""

    status: Literal["accepted"] = "accepted"
    id: str
    url: str


class Duplicate(BaseModel):
    """The same post came before in this request, and was accepted there."""

    status: Literal["duplicate"] = "duplicate"
    id: str
    url: str


class RefusedPost(BaseModel):
    """It is not a post, or not one that the key may submit."""

    status: Literal["refused"] = "refused"
    errors: list[FieldError]


Result = Annotated[Accepted | Duplicate | RefusedPost, Field(discriminator="status")]


class Results(BaseModel):
    """What became of each post of a list, in its order."""

    accepted: int
    duplicates: int
    refused: int
    posts: list[Result]


class Submitted(RootModel[Accepted | Results]):
    """What became of the post, or of each post of a list."""


class PostEntity(BaseModel):
    """An entity of a post, and how often the post mentions it."""

    key: str
    label: str
    text: str
    mentions: int


class Saved(BaseModel):
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


class Queued(BaseModel):
    """The post was accepted, as the receipt proves, and is on its way."""

    id: str
    status: Literal["queued"] = "queued"
    accepted_at: datetime


class Dead(BaseModel):
    """The post could not be processed, and waits for a person."""

    id: str
    status: Literal["dead"] = "dead"
    step: str
    reason: str
    attempts: int


class Deleted(BaseModel):
    """The post was deleted: it counts for nothing, whatever of it was on its way."""

    id: str
    status: Literal["deleted"] = "deleted"
    deleted_at: datetime


Became = Annotated[Saved | Queued | Dead | Deleted, Field(discriminator="status")]


class WhatBecame(RootModel[Became]):
    """What became of a post."""


class Status(BaseModel):
    """Whether posts are taken in, and what is on its way, in messages."""

    writable: bool
    drained: bool
    empty: bool
    waiting: dict[str, int]
    oldest_seconds: dict[str, float]
    in_work: int
    dead_letters: int


class Limits(BaseModel):
    """What one request may bring, and how many a minute; 0 is no limit."""

    body_bytes: int
    posts: int
    line_bytes: int
    unpacked_bytes: int
    content_characters: int
    name_characters: int
    requests_per_minute: int
