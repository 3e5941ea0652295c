"""
What a publication mentions most, kept in one document, as long as nothing is counted after it.

It is made with the summary. While the publication has not changed since, it is what a query would
find, so a list is answered by documents that are read by name; else the query is made.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ingest.store.base import Cursor, EntityFilter, Publication, StoredEntity, StoreReader

TOP_SIZE = 500  # entities: about 60 kB


class TopEntities(BaseModel):
    """The first entities of a publication, the most mentioned first, as they were at a as_of."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    changed_at: AwareDatetime  # the last change that is in it
    is_all: bool
    entities: tuple[StoredEntity, ...]

    @classmethod
    def at(cls, publication: Publication, entities: Iterable[StoredEntity]) -> Self | None:
        """Return what is kept of a publication, or None if it is not known as of when that is."""
        changed_at, as_of = publication.changed_at, publication.read_time
        if changed_at is None or (as_of is not None and as_of < changed_at):
            return None  # it was changed while it was read
        kept = tuple(replace(entity, days={}) for entity in entities)
        return cls(
            changed_at=changed_at,
            is_all=len(kept) < TOP_SIZE,
            entities=kept,
        )

    def to_json(self) -> str:
        """Return the text that is kept; a list shows no days."""
        return self.model_dump_json(exclude={"entities": {"__all__": {"days"}}})

    def page(self, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        """Return the entities that are wanted, as far as they are kept."""
        return [
            entity
            for entity in self.entities
            if wanted.family in (None, entity.family)
            and (wanted.after is None or (entity.mentions, entity.id) < wanted.after)
        ][: wanted.limit]


def read_top_entities(
    store: StoreReader, publication: Publication, wanted: EntityFilter[Cursor]
) -> list[StoredEntity] | None:
    """Return a page of a publication's entities, if all of it is kept and up to date."""
    if publication.changed_at is None or publication.top_entities_as_of != publication.changed_at:
        return None
    kept = _read(store.get_top_entities(publication.id))
    if kept is None or kept.changed_at != publication.changed_at:
        return None
    if wanted.as_of is not None and wanted.as_of < kept.changed_at:
        return None
    page = kept.page(wanted)
    return page if kept.is_all or len(page) == wanted.limit else None


def _read(text: str | None) -> TopEntities | None:
    try:
        return TopEntities.model_validate_json(text) if text else None
    except ValidationError:  # another version kept it
        return None
