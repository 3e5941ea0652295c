"""One entity across publications: what its page and the API show of it."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from ingest.store.base import Publication, StoredEntity, StoreReader

# More publications may mention an entity. It is shown in those that mention it most.
MAX_PUBLICATIONS = 50


class Occurrence(NamedTuple):
    """An entity as one publication mentions it."""

    publication: Publication
    entity: StoredEntity


@dataclass(frozen=True)
class EntityOverview:
    """
    An entity, the publications that mention it, and its counts in them.

    `occurrences` has the publication with the most mentions first. `mentions`, `posts`, `of_posts`
    (all posts of the publications) and `days` (mentions by day, in order) are sums over all
    occurrences. With `narrowed_to` they are those of that publication.
    """

    entity: StoredEntity
    occurrences: list[Occurrence]
    mentions: int
    posts: int
    of_posts: int
    days: dict[str, int]
    narrowed_to: Publication | None = None


def read_entity_overview(
    store: StoreReader, entity_id: str, *, publication_id: str | None = None
) -> EntityOverview | None:
    """
    Read an entity's overview, narrowed to one publication if that mentions the entity.

    Return None if no publication mentions it.
    """
    found = store.entity_everywhere(entity_id, limit=MAX_PUBLICATIONS)
    occurrences = [Occurrence(*pair) for pair in found]
    if not occurrences:
        return None
    narrowed = [each for each in occurrences if each.publication.id == publication_id]
    counted = narrowed or occurrences
    days = sum((Counter(entity.days) for _, entity in counted), Counter[str]())
    return EntityOverview(
        entity=counted[0].entity,
        occurrences=occurrences,
        mentions=sum(entity.mentions for _, entity in counted),
        posts=sum(entity.posts for _, entity in counted),
        of_posts=sum(publication.posts for publication, _ in counted),
        days=dict(sorted(days.items())),
        narrowed_to=narrowed[0].publication if narrowed else None,
    )
