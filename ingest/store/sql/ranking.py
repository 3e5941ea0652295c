"""
The exact order of a publication's entities within a window of days.

An entity has at most as many mentions or posts within a window as on all days. So a long window is
ranked from the entity with the most on, until the next one cannot reach the page. A short window
has few rows, so the database adds up all of them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from ingest.core.chunks import chunks
from ingest.store.base import Order
from ingest.store.sql.database import STATEMENT_ROWS
from ingest.store.sql.models import EntityRow

# Rows of entities' days; the type checker does not know the columns of a sum.
Days = QuerySet[Any, Any]

# Up to so many posts, a window is short.
SHORT_WINDOW_POSTS = 5000
# How many entities the first step adds up; each later one takes twice as many, up to a limit.
FIRST_STEP, MAX_STEP = 128, 8192


class Rank(NamedTuple):
    """What an entity counts within a window; of equal totals, the newer row stands first."""

    total: int  # what the list is ordered by
    row: int
    mentions: int
    posts: int


def rank_short(days: Days, limit: int, after: Rank | None, order: Order) -> list[Rank]:
    """Return the ranks of a page, by adding up every day of every entity."""
    sums = _sums(days)
    if after:
        equal = Q((f"total_{order}", after.total), entity__lt=after.row)
        sums = sums.filter(Q((f"total_{order}__lt", after.total)) | equal)
    return [_rank(row, order) for row in sums.order_by(f"-total_{order}", "-entity")[:limit]]


def rank_long(
    entities: QuerySet[EntityRow], days: Days, limit: int, after: Rank | None, order: Order
) -> list[Rank]:
    """Return the ranks of a page, by adding up the days of the entities with the most first."""
    ranks: list[Rank] = []
    for step in _steps(entities.order_by(f"-{order}").values_list("pk", order)):
        sums = _sums(days.filter(entity__in=[row for row, _ in step]))
        found = (_rank(row, order) for row in sums)
        ranks += (rank for rank in found if after is None or rank[:2] < after[:2])
        ranks = sorted(ranks, reverse=True)[:limit]
        most_of_others = step[-1][1]
        if len(ranks) == limit and ranks[-1].total > most_of_others:
            break
    return ranks


def posts_of_windows(days: Days, first: Q, second: Q, *, least: int) -> dict[str, tuple[int, int]]:
    """Return the posts within two windows of each entity that has enough in one, by its id."""
    sums = days.annotate(
        one=Coalesce(Sum("posts", filter=first), 0), other=Coalesce(Sum("posts", filter=second), 0)
    )
    enough = {row[0]: row[1:] for row in sums.filter(Q(one__gte=least) | Q(other__gte=least))}
    ids: dict[int, str] = {}
    for chunk in chunks(enough, STATEMENT_ROWS):
        ids |= EntityRow.objects.filter(pk__in=chunk).values_list("pk", "entity_id")
    return {ids[row]: posts for row, posts in enough.items()}


def _steps(entities: QuerySet[EntityRow, tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Read entities in steps that grow."""
    start, size = 0, FIRST_STEP
    while step := list(entities[start : start + size]):
        yield step
        start, size = start + size, min(2 * size, MAX_STEP)


def _sums(days: Days) -> Days:
    """Add up the days of each entity."""
    sums: Days = days.values("entity").annotate(
        total_mentions=Sum("mentions"), total_posts=Sum("posts")
    )
    positive: Days = sums.filter(total_mentions__gt=0)
    return positive


def _rank(sums: dict[str, int], order: Order) -> Rank:
    mentions, posts = sums["total_mentions"], sums["total_posts"]
    return Rank(sums[f"total_{order}"], sums["entity"], mentions, posts)
