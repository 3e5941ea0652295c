"""The exact order of a publication's entities within a window of days."""

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import QuerySet

from ingest.core.chunks import chunks
from ingest.store.base import Order
from ingest.store.sql.database import STATEMENT_ROWS
from ingest.store.sql.models import EntityRow
from ingest.store.sql.packs import Sums, add_up

# So many entities at the most are chosen before they are ranked; of more, those on the page.
FEW_ENTITIES = 5000


class Rank(NamedTuple):
    """What an entity counts within a window; of equal totals, the newer row stands first."""

    total: int  # what the list is ordered by
    row: int
    mentions: int
    posts: int


def rank(sums: Sums, order: Order, after: Rank | None) -> Iterator[Rank]:
    """Rank what has a mention, the most first, from behind a place."""
    import numpy as np

    sums = sums.where(sums.mentions > 0)
    if after:
        total = getattr(sums, order)
        equal = (total == after.total) & (sums.entities < after.row)
        sums = sums.where((total < after.total) | equal)
    # Entities are in order, so a stable sort puts the newer of equals last, and first from behind.
    for place in np.argsort(getattr(sums, order), kind="stable")[::-1]:
        row, mentions, posts = (int(column[place]) for column in sums)
        yield Rank(mentions if order == "mentions" else posts, row, mentions, posts)


def rank_some(
    sums: Sums, order: Order, after: Rank | None, entities: QuerySet[EntityRow]
) -> Iterator[Rank]:
    """Rank as `rank` does, but only the entities of a query."""
    import numpy as np

    few = list(entities.values_list("pk", flat=True)[: FEW_ENTITIES + 1])
    if len(few) <= FEW_ENTITIES:
        yield from rank(sums.where(np.isin(sums.entities, few)), order, after)
        return
    for chunk in chunks(rank(sums, order, after), STATEMENT_ROWS):
        rows = entities.filter(pk__in=[rank.row for rank in chunk])
        chosen = set(rows.values_list("pk", flat=True))
        yield from (rank for rank in chunk if rank.row in chosen)


def posts_of_windows(first: Sums, second: Sums, *, least: int) -> dict[int, tuple[int, int]]:
    """Return the posts within two windows of each entity that has enough in one, by its row."""
    import numpy as np

    entities, one, other = add_up(
        (first.entities, first.posts, np.zeros_like(first.posts)),
        (second.entities, np.zeros_like(second.posts), second.posts),
    )
    enough = (one >= least) | (other >= least)
    rows, *both = (column[enough].tolist() for column in (entities, one, other))
    return dict(zip(rows, zip(*both, strict=True), strict=True))
