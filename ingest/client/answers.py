"""
The answers of the API, as type checkers read them.

A key that only some answers have is `NotRequired`. Days and times are text in ISO 8601.
"""

from typing import Literal, NotRequired, TypedDict


class ApiFieldError(TypedDict):
    """An error in a field; `pointer` is a JSON Pointer into the request."""

    pointer: str
    detail: str


class ApiResult(TypedDict):
    """What became of a post of a list: a refused one has errors, any other an id and a URL."""

    status: Literal["accepted", "duplicate", "refused"]
    id: NotRequired[str]
    own_id: NotRequired[str]
    url: NotRequired[str]
    errors: NotRequired[list[ApiFieldError]]


class ApiPostEntity(TypedDict):
    """An entity of a post, and how often the post mentions it."""

    key: str
    label: str
    text: str
    mentions: int


class ApiPostState(TypedDict):
    """The state of a post, with what is known of a post in that state."""

    id: str
    status: Literal["saved", "queued", "dead", "deleted", "forgotten"]
    own_id: NotRequired[str | None]
    publication: NotRequired[str]
    accepted_at: NotRequired[str]
    first_accepted_at: NotRequired[str | None]
    published_at: NotRequired[str | None]
    url: NotRequired[str | None]
    title: NotRequired[str | None]
    language: NotRequired[str | None]
    model: NotRequired[str]
    patterns: NotRequired[int | None]
    rules: NotRequired[int | None]
    entities: NotRequired[list[ApiPostEntity]]
    step: NotRequired[str]
    reason: NotRequired[str]
    attempts: NotRequired[int]
    deleted_at: NotRequired[str]
    forgotten_at: NotRequired[str]


class ApiFailedPost(TypedDict):
    """A post of a key that is a dead letter, or that the API refused, and why."""

    state: Literal["dead", "refused"]
    id: str | None
    own_id: str | None
    publication: str
    at: str
    reason: str
    detail: str
    errors: list[ApiFieldError]


class ApiStatus(TypedDict):
    """The state of the intake, and how many messages wait or are in progress."""

    writable: bool
    drained: bool
    empty: bool
    waiting: dict[str, int]
    oldest_seconds: dict[str, float]
    in_work: int
    dead_letters: int


class ApiLimits(TypedDict):
    """The size limits of a request, and the requests per minute. 0 means no limit."""

    body_bytes: int
    posts: int
    lines: int
    line_bytes: int
    unpacked_bytes: int
    content_characters: int
    name_characters: int
    requests_per_minute: int


class ApiPublication(TypedDict):
    """A publication, and how many of its posts are saved."""

    name: str
    id: str
    posts: int
    first_day: str | None
    last_day: str | None
    url: str
    entities_url: str


class _Name(TypedDict):
    """What both answers about a name have."""

    id: str
    family: str
    key: str
    label: str
    text: str
    mentions: int
    posts: int


class ApiEntity(_Name):
    """An entity of a publication, with what it counts there."""

    share_of_posts: float | None


class ApiNamePublication(TypedDict):
    """A publication that mentions a name, and how often, and in how many of its posts."""

    publication: str
    id: str
    mentions: int
    posts: int


class ApiFoundEntity(_Name):
    """A name that a search found, with its sums over all publications."""

    publications: list[ApiNamePublication]


class ApiPost(TypedDict):
    """A saved post of a list."""

    id: str
    publication: str
    day: str
    title: str | None
    url: str | None


class ApiPassage(TypedDict):
    """The first sentence of a post that mentions an entity, split at the mention."""

    before: str
    mention: str
    after: str


class ApiMention(ApiPost):
    """A post that mentions an entity; the passage is None where no text was kept."""

    passage: ApiPassage | None
