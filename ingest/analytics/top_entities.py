"""
What a publication mentions most, kept in one document, as long as nothing is counted after it.

It is made with the summary. While the publication has not changed since, it is what a query would
find, so a list is answered by documents that are read by name; else the query is made.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ingest.store.base import Cursor, Publication, StoredEntity, StoreReader

TOP_SIZE = 500  # entities: about 60 kB


class Leader(BaseModel):
    """An entity as a list shows it."""

    model_config = ConfigDict(frozen=True)

    id: str
    family: str
    key: str
    label: str
    text: str
    mentions: int
    posts: int

    @classmethod
    def of(cls, entity: StoredEntity) -> Self:
        """Return what is kept of an entity."""
        return cls(**{name: getattr(entity, name) for name in cls.model_fields})

    @property
    def entity(self) -> StoredEntity:
        """The entity, without its days."""
        return StoredEntity(**dict(self))


class TopEntities(BaseModel):
    """The first entities of a publication, the most mentioned first, as they were at a as_of."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    changed_at: AwareDatetime  # the last change that is in it
    is_all: bool
    entities: tuple[Leader, ...]

    @classmethod
    def at(cls, publication: Publication, entities: Iterable[StoredEntity]) -> Self | None:
        """Return what is kept of a publication, or None if it is not known as of when that is."""
        changed_at, as_of = publication.changed_at, publication.read_time
        if changed_at is None or (as_of is not None and as_of < changed_at):
            return None  # it was changed while it was read
        kept = tuple(map(Leader.of, entities))
        return cls(
            changed_at=changed_at,
            is_all=len(kept) < TOP_SIZE,
            entities=kept,
        )

    def page(self, *, limit: int, after: Cursor | None, family: str | None) -> list[StoredEntity]:
        """Return entities after a place, fewer than there are where this ends before."""
        return [
            leader.entity
            for leader in self.entities
            if family in (None, leader.family)
            and (after is None or (leader.mentions, leader.id) < after)
        ][:limit]


def read_top_entities(
    store: StoreReader,
    publication: Publication,
    *,
    limit: int,
    after: Cursor | None = None,
    family: str | None = None,
    as_of: datetime | None = None,
) -> list[StoredEntity] | None:
    """Return a page of a publication's entities, if what is kept has all of it, as of a as_of."""
    if publication.changed_at is None or publication.top_entities_as_of != publication.changed_at:
        return None
    kept = _read(store.get_top_entities(publication.id))
    if kept is None or kept.changed_at != publication.changed_at:
        return None
    if as_of is not None and as_of < kept.changed_at:
        return None
    page = kept.page(limit=limit, after=after, family=family)
    return page if kept.is_all or len(page) == limit else None


def _read(text: str | None) -> TopEntities | None:
    try:
        return TopEntities.model_validate_json(text) if text else None
    except ValidationError:  # another version kept it
        return None
