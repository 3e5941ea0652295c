"""The counters of a publication, of its entities and of its checkpoint, read from their rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models

from ingest.core.chunks import chunks
from ingest.core.counts import TALLIES, Counts, EntityCounts, EntityName, Tally, totalled
from ingest.store.sql.database import STATEMENT_ROWS
from ingest.store.sql.models import (
    CheckpointRow,
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


OF_PUBLICATION = ("", "")  # in place of the name of an entity


def checkpoint_rows(counts: Counts) -> Iterator[tuple[str, str, str, str, int]]:
    """Return the sums of a checkpoint: family, key, tally, name and number."""
    for day, posts in counts.days.items():
        yield (*OF_PUBLICATION, "days", day, posts)
    for name, entity in counts.entities.items():
        for tally in TALLIES:
            for each, number in getattr(entity, tally).items():
                yield (*name, tally, each, number)


def read_checkpoint(publication: PublicationRow) -> Counts:
    """Return what the forgotten posts of a publication count."""
    entities: dict[EntityName, EntityCounts] = defaultdict(EntityCounts)
    rows = CheckpointRow.objects.filter(publication=publication)
    for family, key, tally, name, number in rows.values_list(
        "family", "key", "tally", "name", "number"
    ):
        _put(getattr(entities[family, key], tally), name, number)
    days = entities.pop(OF_PUBLICATION, EntityCounts()).days
    counts = {name: totalled(entity) for name, entity in entities.items()}
    return Counts(days.total(), days, {name: entity for name, entity in counts.items() if entity})
