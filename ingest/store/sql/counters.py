"""The counters of a publication, of its entities and of its checkpoint: read, and added to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import models

from ingest.core.chunks import chunks
from ingest.core.counts import TALLIES, Counts, EntityCounts, EntityName, Tally, totalled
from ingest.core.entity_names import entity_id
from ingest.core.name_search import magnitude
from ingest.store.sql.database import STATEMENT_ROWS, add_up
from ingest.store.sql.models import (
    CheckpointRow,
    EntityDayRow,
    EntityFormRow,
    EntityLabelRow,
    EntityRow,
    PublicationDayRow,
    PublicationRow,
)
from ingest.store.sql.packs import change_publications, delete_packs

EntityPlace = tuple[int, str]  # the number of a publication's row, and the id of an entity


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


class AddedCounts(NamedTuple):
    """
    What an addition to counters wrote.

    Args:
        rows: how many rows it wrote.
        entities: the numbers of the rows of the entities that it changed.
        grown: the magnitude of each name that has grown to a higher one.
    """

    rows: int
    entities: dict[EntityPlace, int]
    grown: dict[EntityName, int]


def add_counts(changes: Sequence[tuple[int, Counts]]) -> AddedCounts:
    """
    Add counts to the counters of publications, in one statement for each table.

    Args:
        changes: the number of each publication's row, with what is added to its counters.
    """
    change_publications(number for number, _ in changes)
    # A day of an entity has its day of the publication, by which a window finds it.
    days = [
        (number, day, counts.days[day])
        for number, counts in changes
        for day in sorted(counts.every_day)
    ]
    delete_packs((number, day) for number, day, _ in days)
    add_up(PublicationDayRow, ("publication", "day"), ("posts",), days)
    named = [
        ((number, id_), name, counts.entities[name])
        for number, counts in changes
        for id_, name in sorted((entity_id(*name), name) for name in counts.entities)
    ]
    found = add_up(
        EntityRow,
        ("publication", "entity_id"),
        ("mentions", "posts"),
        [(*place, *name, entity.mentions, entity.posts) for place, name, entity in named],
        fixed=("family", "key"),
        returning="publication, entity_id, id, mentions",
    )
    totals = {(number, id_): mentions for number, id_, _, mentions in found}
    grown: dict[EntityName, int] = {}
    for place, name, entity in named:
        size = magnitude(totals[place])
        if size > magnitude(totals[place] - entity.mentions):
            grown[name] = max(size, grown.get(name, 0))
    rows: dict[EntityPlace, int] = {(number, id_): row for number, id_, row, _ in found}
    parts = _add_parts([(rows[place], place[0], entity) for place, _, entity in named])
    return AddedCounts(len(changes) + len(days) + len(named) + parts, rows, grown)


def _add_parts(entities: Sequence[tuple[int, int, EntityCounts]]) -> int:
    """Add the days, forms and labels of entities, each with its row and its publication's."""
    days = [
        (row, day, publication, entity.days[day], entity.post_days[day])
        for row, publication, entity in entities
        for day in sorted(entity.every_day)
    ]
    forms = [(row, *form) for row, _, entity in entities for form in sorted(entity.forms.items())]
    labels = [(row, *one) for row, _, entity in entities for one in sorted(entity.labels.items())]
    add_up(EntityDayRow, ("entity", "day"), ("mentions", "posts"), days, fixed=("publication",))
    add_up(EntityFormRow, ("entity", "form"), ("mentions",), forms)
    add_up(EntityLabelRow, ("entity", "label"), ("mentions",), labels)
    return len(days) + len(forms) + len(labels)


OF_PUBLICATION = ("", "")  # in place of the name of an entity


def add_checkpoints(changes: Sequence[tuple[int, Counts]]) -> int:
    """Add counts to the checkpoints of publications, and return how many rows that are."""
    rows = [(number, *row) for number, counts in changes for row in sorted(_sums(counts))]
    add_up(CheckpointRow, ("publication", "family", "key", "tally", "name"), ("number",), rows)
    return len(rows)


def _sums(counts: Counts) -> Iterator[tuple[str, str, str, str, int]]:
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
