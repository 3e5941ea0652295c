"""
The top entities of a publication, kept in one document.

They are computed with the summary. While the publication's counts have not changed since, they are
what a query would find. Then a list reads one document by name instead of a query's documents.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ingest.store.base import Cursor, EntityFilter, Publication, StoredEntity, StoreReader

TOP_SIZE = 500  # entities: about 60 kB


class TopEntities(BaseModel):
    """The first entities of a publication, the most mentioned first, as of its last change."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    changed_at: AwareDatetime  # the last change that is in it
    is_all: bool
    entities: tuple[StoredEntity, ...]

    @classmethod
    def at(cls, publication: Publication, entities: Iterable[StoredEntity]) -> Self | None:
        """Return the top entities of a publication, or None if it changed while it was read."""
        changed_at, as_of = publication.changed_at, publication.read_time
        if changed_at is None or (as_of is not None and as_of < changed_at):
            return None
        top = tuple(replace(entity, days={}, post_days={}) for entity in entities)
        return cls(
            changed_at=changed_at,
            is_all=len(top) < TOP_SIZE,
            entities=top,
        )

    def to_json(self) -> str:
        """Return the text to keep, without days, which a list does not show."""
        return self.model_dump_json(exclude={"entities": {"__all__": {"days", "post_days"}}})

    def page(self, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        """Return the wanted entities, as far as the top entities hold them."""
        return [
            entity
            for entity in self.entities
            if wanted.family in (None, entity.family)
            and (wanted.after is None or (entity.mentions, entity.id) < wanted.after)
        ][: wanted.limit]


def read_top_entities(
    store: StoreReader, publication: Publication, wanted: EntityFilter[Cursor]
) -> list[StoredEntity] | None:
    """Return a page of a publication's entities, if the top entities hold it."""
    if wanted.order != "mentions":  # the order of those that are kept
        return None
    if publication.changed_at is None or publication.top_entities_as_of != publication.changed_at:
        return None
    top = _read(store.get_top_entities(publication.id))
    if top is None or top.changed_at != publication.changed_at:
        return None
    if wanted.as_of is not None and wanted.as_of < top.changed_at:
        return None
    page = top.page(wanted)
    return page if top.is_all or len(page) == wanted.limit else None


def _read(text: str | None) -> TopEntities | None:
    try:
        return TopEntities.model_validate_json(text) if text else None
    except ValidationError:  # another version of the code wrote it
        return None
