"""The counters of a publication and of its entities, read from their rows."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models

from ingest.core.chunks import chunks
from ingest.core.counts import Counts, EntityCounts, Tally
from ingest.store.sql.database import STATEMENT_ROWS
from ingest.store.sql.models import (
    EntityDayRow,
    EntityFormRow,
    EntityLabelRow,
    EntityRow,
    PublicationDayRow,
    PublicationRow,
)


def read_entity_counts(rows: Iterable[EntityRow], *, days: bool) -> dict[int, EntityCounts]:
    """
    Return the counts of entities, by the numbers of their rows.

    Args:
        days: whether the counts hold days too; a list shows none.
    """
    counts = {row.pk: EntityCounts(row.mentions, row.posts) for row in rows}
    for number, form, mentions in _of(counts, EntityFormRow, "form", "mentions"):
        _put(counts[number].forms, form, mentions)
    for number, label, mentions in _of(counts, EntityLabelRow, "label", "mentions"):
        _put(counts[number].labels, label, mentions)
    if days:
        for number, day, mentions, posts in _of(counts, EntityDayRow, "day", "mentions", "posts"):
            _put(counts[number].days, day, mentions)
            _put(counts[number].post_days, day, posts)
    return counts


def _of(
    numbers: Iterable[int], model: type[models.Model], *columns: str
) -> Iterator[tuple[Any, ...]]:
    """Return the rows of entities in another table."""
    for chunk in chunks(numbers, STATEMENT_ROWS):
        rows = model._default_manager.filter(entity__in=chunk)
        yield from rows.values_list("entity", *columns)


def _put(tally: Tally, name: str, count: int) -> None:
    """Put a count into a tally, which leaves out the zeros that subtraction leaves."""
    if count:
        tally[name] = count


def read_counts(publication: PublicationRow) -> Counts:
    """Return every counter of a publication."""
    counted = PublicationDayRow.objects.filter(publication=publication).exclude(posts=0)
    days = Counter(dict(counted.values_list("day", "posts")))
    rows = list(EntityRow.objects.filter(publication=publication))
    counts = read_entity_counts(rows, days=True)
    entities = {(row.family, row.key): counts[row.pk] for row in rows if counts[row.pk]}
    return Counts(days.total(), days, entities)
