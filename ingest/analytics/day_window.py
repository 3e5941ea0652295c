"""Some days out of all, and what a publication mentions most within them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.store.base import EntityFilter, StoredEntity, StoreReader

# An entity counts its days in a map, which no index can put in order. So this many entities are
# read, those that are mentioned most of all, and put in the order of the window.
CONSIDERED_ENTITIES = 1000


@dataclass(frozen=True)
class DayWindow:
    """Days from one to another, in ISO form, both included; None leaves an end open."""

    since: str | None = None
    until: str | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    def __contains__(self, day: str) -> bool:
        return (self.since or day) <= day <= (self.until or day)

    def total(self, days: Mapping[str, int]) -> int:
        """Add up what counts for days of the window."""
        return sum(count for day, count in days.items() if day in self)


@dataclass(frozen=True)
class Ranking:
    """
    Entities in the order of their mentions within a window, which is what `mentions` holds.

    The first `exact_prefix` of them are the first whatever was not considered: that is mentioned no
    more often in all than the last that was.
    """

    entities: list[StoredEntity]
    considered: int
    exact_prefix: int


def rank_within(
    store: StoreReader,
    name: str,
    window: DayWindow,
    *,
    family: str | None = None,
    as_of: datetime | None = None,
) -> Ranking:
    """Find what a publication mentions most within a window, and how far that is certain."""
    top = store.entities(
        name, EntityFilter(limit=CONSIDERED_ENTITIES, family=family, as_of=as_of, days=True)
    )
    within = (replace(entity, mentions=window.total(entity.days)) for entity in top)
    ranked = sorted(
        (entity for entity in within if entity.mentions),
        key=lambda entity: (entity.mentions, entity.id),
        reverse=True,
    )
    least = top[-1].mentions if len(top) == CONSIDERED_ENTITIES else 0
    return Ranking(ranked, len(top), sum(entity.mentions > least for entity in ranked))
