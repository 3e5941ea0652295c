"""A window of days, and the entities that a publication mentions most within it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.store.base import EntityFilter, StoredEntity, StoreReader

# Firestore cannot sort by a range of days. So we read this many of the most mentioned entities and
# rank those within the window.
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
        """Add up the counts of the days in the window."""
        return sum(count for day, count in days.items() if day in self)


@dataclass(frozen=True)
class Ranking:
    """
    Entities ranked by their mentions within a window; `mentions` holds only those.

    The first `exact_prefix` ranks are exact. An entity that was not considered has at most as many
    mentions in all as the last one that was.
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
    """Rank a publication's entities within a window, and say how far the order is exact."""
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
