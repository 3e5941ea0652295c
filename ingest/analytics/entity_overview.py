"""One entity across publications: what its page and the API show of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.store.base import Order, Publication, StoredEntity, StoreReader

# More publications may mention an entity. It is shown in those that mention it most.
MAX_PUBLICATIONS = 50


class Occurrence(NamedTuple):
    """An entity as one publication mentions it."""

    publication: Publication
    entity: StoredEntity

    def within(self, window: DayWindow) -> "Occurrence":
        """Return what counts within a window."""
        days, post_days = window.part(self.entity.days), window.part(self.entity.post_days)
        entity = replace(
            self.entity,
            mentions=sum(days.values()),
            posts=sum(post_days.values()),
            days=days,
            post_days=post_days,
        )
        all_days = window.part(self.publication.days)
        posts = sum(all_days.values())
        return Occurrence(replace(self.publication, posts=posts, days=all_days), entity)


@dataclass(frozen=True)
class EntityOverview:
    """
    An entity, the publications that mention it, and its counts in them.

    `occurrences` has the publication with the most mentions, or posts, first. `mentions`, `posts`,
    `of_posts` (all posts of the publications), and these by day (`days`, `post_days`, `of_days`)
    are sums over all occurrences. With `narrowed_to` they are those of that publication. Within a
    window they count its days, and only `all_days` has the posts of every day.
    """

    entity: StoredEntity
    occurrences: list[Occurrence]
    mentions: int
    posts: int
    of_posts: int
    days: dict[str, int]
    post_days: dict[str, int]
    of_days: dict[str, int]
    all_days: dict[str, int]
    narrowed_to: Publication | None = None


def read_entity_overview(
    store: StoreReader,
    entity_id: str,
    *,
    publication_id: str | None = None,
    window: DayWindow = EVERY_DAY,
    order: Order = "mentions",
) -> EntityOverview | None:
    """
    Read an entity's overview, narrowed to one publication if that mentions the entity.

    It holds what counts within a window. Return None if no publication mentions the entity.
    """
    found = store.entity_everywhere(entity_id, limit=MAX_PUBLICATIONS)
    occurrences = [Occurrence(*pair) for pair in found]
    if not occurrences:
        return None
    all_days = {publication.id: publication.days for publication, _ in occurrences}
    if window:
        occurrences = [occurrence.within(window) for occurrence in occurrences]
    occurrences.sort(key=lambda own: -_total(own.entity, order))
    narrowed = [each for each in occurrences if each.publication.id == publication_id]
    counted = narrowed or occurrences
    return EntityOverview(
        entity=counted[0].entity,
        occurrences=occurrences,
        mentions=sum(entity.mentions for _, entity in counted),
        posts=sum(entity.posts for _, entity in counted),
        of_posts=sum(publication.posts for publication, _ in counted),
        days=_sum_of(entity.days for _, entity in counted),
        post_days=_sum_of(entity.post_days for _, entity in counted),
        all_days=_sum_of(all_days[publication.id] for publication, _ in counted),
        of_days=_sum_of(publication.days for publication, _ in counted),
        narrowed_to=narrowed[0].publication if narrowed else None,
    )


def _total(entity: StoredEntity, order: Order) -> int:
    return entity.posts if order == "posts" else entity.mentions


def _sum_of(tallies: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts by day, in the order of the days."""
    days: Counter[str] = Counter()
    for tally in tallies:
        days.update(tally)
    return dict(sorted(days.items()))
