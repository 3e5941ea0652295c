"""Pages of a publication's entities: by mentions, by key, or within a window of days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Self

from django.conf import settings
from django.core import signing
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ingest.analytics.top_entities import read_top_entities
from ingest.core.day_window import DayWindow
from ingest.core.entity_names import entity_key, read_family
from ingest.store.base import (
    Cursor,
    EntityFilter,
    KeyCursor,
    Order,
    Publication,
    StoredEntity,
    StoreReader,
)

DEFAULT_LIMIT, MAX_LIMIT = 10, 100  # entities a page

# Firestore can read the past hour. A page that is requested later shows the present.
SNAPSHOT_LIFETIME = timedelta(minutes=50)


def _a_day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError("is not a day such as 2026-05-04") from error


Day = Annotated[str, AfterValidator(_a_day)]


def _a_family(text: str) -> str:
    return read_family(text, labels=settings.LABELS)


Family = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_a_family)]


class PageToken(BaseModel):
    """Where a page ended, and the time that it shows; signed, so that only we can make one."""

    model_config = ConfigDict(frozen=True)

    value: int | str
    id: str
    as_of: datetime | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a token, or raise ValueError."""
        try:
            return cls.model_validate(_signer().unsign_object(text))
        except signing.BadSignature as error:
            raise ValueError("is not one that an earlier page gave") from error

    def sign(self) -> str:
        """Return the token as an address carries it."""
        return _signer().sign_object(self.model_dump(mode="json"), compress=True)


def _signer() -> signing.Signer:
    return signing.Signer(salt="ingest.cursor")


SignedPageToken = Annotated[str, AfterValidator(lambda text: PageToken.read(text) and text)]


class EntityQuery(BaseModel):
    """The parameters of a list of entities; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Family | None = None
    prefix: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    since: Day | None = None
    until: Day | None = None
    order: Order = "mentions"
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: SignedPageToken | None = None

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError("since is after until")
        return self

    @property
    def window(self) -> DayWindow:
        """The window of days."""
        return DayWindow(self.since, self.until)

    @property
    def key_prefix(self) -> str | None:
        """The prefix in the form of a key."""
        return entity_key(self.prefix) if self.prefix else None

    @property
    def token(self) -> PageToken | None:
        """Where the page before ended."""
        return PageToken.read(self.cursor) if self.cursor else None


@dataclass(frozen=True)
class EntityList:
    """
    A page of a publication's entities, with its sample.

    Args:
        posts: the sample: how many posts of the publication count for the window.
        next: the token of the next page.
        considered: within a window, how many entities were ranked.
        certain: within a window, how many of the first ranks are exact.
        is_exact: whether every entity has its exact place, and none could be missing.
    """

    publication: Publication
    query: EntityQuery
    posts: int
    entities: list[StoredEntity]
    next: str | None
    considered: int | None = None
    certain: int | None = None
    order: str = "mentions"
    is_exact: bool = True

    def share(self, entity: StoredEntity) -> float | None:
        """Return the share of posts that mention an entity; None if there is no post."""
        return entity.posts / self.posts if self.posts else None


def list_entities(store: StoreReader, publication: Publication, query: EntityQuery) -> EntityList:
    """Read one page of a publication's entities."""
    if query.window:
        return _within_window(store, publication, query)
    if query.prefix:
        return _by_key(store, publication, query)
    return _by_total(store, publication, query)


def _by_total(store: StoreReader, publication: Publication, query: EntityQuery) -> EntityList:
    token, as_of = query.token, _as_of(publication, query)
    wanted = EntityFilter(
        limit=query.limit + 1,
        after=Cursor(int(token.value), token.id) if token else None,
        family=query.family,
        as_of=as_of,
        order=query.order,
    )
    found = read_top_entities(store, publication, wanted)
    if found is None:
        found = store.entities(publication.name, wanted)
    more = _next(found, query.limit, query.order, as_of)
    page = found[: query.limit]
    return EntityList(publication, query, publication.posts, page, more, order=query.order)


def _by_key(store: StoreReader, publication: Publication, query: EntityQuery) -> EntityList:
    token, as_of = query.token, _as_of(publication, query)
    found = store.entities_by_prefix(
        publication.name,
        query.key_prefix or "",
        EntityFilter(
            limit=query.limit + 1,
            after=KeyCursor(str(token.value), token.id) if token else None,
            family=query.family,
            as_of=as_of,
        ),
    )
    more = _next(found, query.limit, "key", as_of)
    page = [entity for entity in found[: query.limit] if entity.mentions]
    return EntityList(publication, query, publication.posts, page, more, order="key")


def _within_window(store: StoreReader, publication: Publication, query: EntityQuery) -> EntityList:
    token, as_of = query.token, _as_of(publication, query)
    wanted = EntityFilter(
        limit=query.limit + 1,
        after=Cursor(int(token.value), token.id) if token else None,
        family=query.family,
        as_of=as_of,
        order=query.order,
    )
    ranking = store.entities_within(
        publication.name, query.window, wanted, prefix=query.key_prefix or ""
    )
    return EntityList(
        publication,
        query,
        query.window.total(publication.days),
        ranking.entities[: query.limit],
        _next(ranking.entities, query.limit, query.order, as_of),
        considered=ranking.considered,
        certain=ranking.exact_prefix,
        order=query.order,
        is_exact=ranking.is_exact,
    )


def _as_of(publication: Publication, query: EntityQuery) -> datetime | None:
    """Return the time that the first page shows, while the store can still read it."""
    if query.token is None:
        return publication.read_time
    as_of = query.token.as_of
    return as_of if as_of and is_readable(as_of) else None


def is_readable(as_of: datetime) -> bool:
    """Return whether the store can still read a time."""
    return datetime.now(UTC) - as_of < SNAPSHOT_LIFETIME


def _next(found: list[StoredEntity], limit: int, order: str, as_of: datetime | None) -> str | None:
    if len(found) <= limit:
        return None
    last: Any = found[limit - 1]
    return PageToken(value=getattr(last, order), id=last.id, as_of=as_of).sign()
