"""Names in SQL: a row for each name and for each of its words, written once."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from django.db.models import QuerySet, Sum

from ingest.core.counts import EntityName
from ingest.core.entity_names import entity_id
from ingest.core.name_search import name_words
from ingest.store.base import (
    LAST_CHARACTER,
    NAME_PUBLICATIONS,
    FoundName,
    NameFilter,
    NameInPublication,
    NameSearch,
    StoredEntity,
)
from ingest.store.sql.counters import read_entity_counts
from ingest.store.sql.database import database, insert
from ingest.store.sql.models import EntityRow, NameRow, NameWordRow, PublicationRow

# Up to so many matching names are all ranked.
RARE_NAMES = 5000
# Of more names, those of the highest magnitudes are ranked, found among the first of all names.
FREQUENT_NAMES, WALKED_NAMES = 200, 100_000


def write_names(magnitudes: Mapping[EntityName, int]) -> None:
    """Let names be found, by their words and by at least these magnitudes."""
    written = insert(
        NameRow,
        ("entity_id", "family", "key", "magnitude"),
        sorted((entity_id(*name), *name, size) for name, size in magnitudes.items()),
        tail="ON CONFLICT (entity_id) DO UPDATE SET magnitude = excluded.magnitude "
        "WHERE counts_name.magnitude < excluded.magnitude",
        returning="id, key",
    )
    words = sorted((word, number) for number, key in written for word in name_words(key))
    insert(NameWordRow, ("word", "name"), words, tail="ON CONFLICT (word, name) DO NOTHING")


def find_names(wanted: NameFilter) -> NameSearch:
    """Find names by the beginnings of their words, and rank them by what they add up to."""
    numbers = set(_having(wanted)[: RARE_NAMES + 1])
    is_exact = len(numbers) <= RARE_NAMES
    ids = set() if is_exact else _most_frequent(wanted)
    if len(ids) < FREQUENT_NAMES:
        ids |= set(NameRow.objects.filter(pk__in=numbers).values_list("entity_id", flat=True))
    total = "total" if wanted.order == "mentions" else "total_posts"
    sums = EntityRow.objects.filter(entity_id__in=ids, mentions__gt=0)
    if wanted.family is not None:
        sums = sums.filter(family=wanted.family)
    ranked = sums.values("entity_id").annotate(total=Sum("mentions"), total_posts=Sum("posts"))
    page = ranked.order_by(f"-{total}", "entity_id")[: wanted.limit]
    names = [_found(row["entity_id"], row["total"], row["total_posts"], wanted) for row in page]
    return NameSearch(names, ranked.count(), is_exact)


def _having(wanted: NameFilter) -> QuerySet[Any, Any]:
    """Return the numbers of the names that have a word with each beginning."""
    each = (
        NameWordRow.objects.filter(word__gte=word, word__lte=word + LAST_CHARACTER)
        for word in wanted.words
    )
    return reduce(QuerySet.intersection, (rows.values_list("name_id", flat=True) for rows in each))


def _most_frequent(wanted: NameFilter) -> set[str]:
    """Return the matching names of the highest magnitudes, which are soon found."""
    conditions = ["' ' || key LIKE %s"] * len(wanted.words)
    values = [f"% {word}%" for word in wanted.words]
    if wanted.family is not None:
        conditions.append("family = %s")
        values.append(wanted.family)
    with database().cursor() as cursor:
        # The conditions are texts of our own; every value is a parameter.
        cursor.execute(
            "SELECT entity_id FROM (SELECT entity_id, family, key FROM counts_name "  # noqa: S608
            f"ORDER BY magnitude DESC, key LIMIT {WALKED_NAMES}) AS walked "
            f"WHERE {' AND '.join(conditions)} LIMIT {FREQUENT_NAMES}",
            values,
        )
        return {id_ for (id_,) in cursor.fetchall()}


def _found(id_: str, mentions: int, posts: int, wanted: NameFilter) -> FoundName:
    """Return a name with its sums, and the publications that mention it most."""
    rows = EntityRow.objects.filter(entity_id=id_, mentions__gt=0)
    most = list(rows.order_by(f"-{wanted.order}", "publication")[:NAME_PUBLICATIONS])
    first = most[0]
    counts = read_entity_counts([first], days=False)[first.pk]
    publications = PublicationRow.objects.in_bulk([row.publication_id for row in most])
    return FoundName(
        StoredEntity(id_, first.family, first.key, counts.label, counts.text, mentions, posts),
        [
            NameInPublication(own.pub_id, own.name, row.mentions, row.posts)
            for row in most
            for own in [publications[row.publication_id]]
        ],
    )
