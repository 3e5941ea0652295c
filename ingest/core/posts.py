"""A post, its publication, and the id under which it counts once."""

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from ingest.core.language_tags import normalize_tag

MAX_CONTENT_CHARACTERS = 100_000
ID = re.compile(r"[0-9a-f]{32}")
CACHE_SIZE = 1000  # publications whose id a process remembers
MAX_NAME_CHARACTERS = 200  # of a publication's name, and of a client's own post id


# Live posts overtake bulk posts, such as those of an archive.
Priority = Literal["live", "bulk"]


def publication_key(name: str) -> str:
    """Return the form of a publication's name under which its posts count."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


@lru_cache(CACHE_SIZE)
def publication_id(name: str) -> str:
    """Return the id of a publication: a digest, since a name may contain any character."""
    return digest("publication", publication_key(name))


def id_of_own(publication: str, own_id: str) -> str:
    """Return the id of a post that its client names within a publication."""
    return digest("id", publication_key(publication), own_id)


def digest(*parts: str) -> str:
    """Return 32 hexadecimal digits: the same for the same parts, in every process."""
    framed = b"".join(b"%d:%b" % (len(part), part) for part in (p.encode() for p in parts))
    return blake2b(framed, digest_size=16).hexdigest()


def is_id(text: str) -> bool:
    """Return whether a text has the form of a digest, as every id of ours has."""
    return ID.fullmatch(text) is not None


def _require_visible(text: str) -> str:
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise ValueError("has no visible character")
    return text


def _refuse_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


def _refuse_number(value: object) -> object:
    """Refuse a number, and digits in a text; pydantic would read seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and not _is_number(value)):
        return value
    raise ValueError("is not a date and time in ISO 8601, with its offset")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _require_day_in_utc(value: datetime) -> datetime:
    """Refuse the ends of the calendar, which an offset can move out of it."""
    try:
        value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is before year 1 or after year 9999 in UTC") from error
    return value


def is_web_address(text: str) -> bool:
    """Return whether a text is an http or https URL, so that a page may link to it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _require_web_address(text: str) -> str:
    if not is_web_address(text):
        raise ValueError("does not begin with http:// or https:// and a host")
    return text


def _read_language(tag: str | None) -> str | None:
    return None if tag is None else normalize_tag(tag)


S = TypeVar("S")
Text = Annotated[
    S,
    StringConstraints(strip_whitespace=True, min_length=1),
    AfterValidator(_require_visible),
    AfterValidator(_refuse_nul),
]
Name = Text[Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]]
WebAddress = Annotated[
    Text[Annotated[str, Field(max_length=2000)]],
    AfterValidator(_require_web_address),
    Field(json_schema_extra={"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://."}),
]
Moment = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_refuse_number),
    AfterValidator(_require_day_in_utc),
]
# A tag that cannot be read says as little as none: the text itself tells its language.
Language = Annotated[str | None, AfterValidator(_read_language)]


class Post(BaseModel):
    """One article, as a client sends it; it refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    content: Text[Annotated[str, Field(max_length=MAX_CONTENT_CHARACTERS)]]
    publication: Name
    id: Name | None = None
    url: WebAddress | None = None
    title: Text[Annotated[str, Field(max_length=500)]] | None = None
    published_at: Moment | None = None
    language: Language = None
    priority: Priority | None = None

    @property
    def post_id(self) -> str:
        """
        The id under which the post counts once.

        It is a digest of the publication and the client's own id, or of the content if the client
        gave none. So the same article sent twice is the same post.
        """
        if self.id is not None:
            return id_of_own(self.publication, self.id)
        return digest("content", publication_key(self.publication), self.content)
