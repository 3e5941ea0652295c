"""Names in SQL: a row for each name and for each of its words, written once."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter

from django.db.models import Q, QuerySet, Sum, TextField, Value, Window
from django.db.models.functions import Concat, RowNumber

from ingest.core.counts import EntityName
from ingest.core.entity_names import entity_id
from ingest.core.name_search import has_words, name_words
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


def drop_names(ids: Sequence[str]) -> None:
    """Delete the names of these entities that no publication mentions any more."""
    counted = EntityRow.objects.filter(entity_id__in=ids, mentions__gt=0).values("entity_id")
    names = NameRow.objects.filter(entity_id__in=ids).exclude(entity_id__in=counted)
    numbers = list(names.values_list("pk", flat=True))
    NameWordRow.objects.filter(name__in=numbers).delete()
    NameRow.objects.filter(pk__in=numbers).delete()


def find_names(wanted: NameFilter) -> NameSearch:
    """Find names by the beginnings of their words, and rank them by what they add up to."""
    numbers = _matching(wanted.words)
    is_exact = len(numbers) <= RARE_NAMES
    condition = Q(entity_id__in=NameRow.objects.filter(pk__in=numbers).values("entity_id"))
    if not is_exact:
        frequent = _most_frequent(wanted)
        few = len(frequent) < FREQUENT_NAMES
        condition = Q(entity_id__in=frequent) | condition if few else Q(entity_id__in=frequent)
    rows = EntityRow.objects.filter(condition, mentions__gt=0)
    if wanted.publications is not None:
        rows = rows.filter(_of(wanted.publications))
    if wanted.family is not None:
        rows = rows.filter(family=wanted.family)
    sums = rows.values("entity_id").annotate(total=Sum("mentions"), total_posts=Sum("posts"))
    order = "-total" if wanted.order == "mentions" else "-total_posts"
    ranked = list(
        sums.order_by(order, "entity_id").values_list("entity_id", "total", "total_posts")
    )
    names = list(_found_names(ranked[: wanted.limit], wanted))
    return NameSearch(names, len(ranked), is_exact)


def _of(pub_ids: Collection[str]) -> Q:
    """Return the condition for a row of one of these publications."""
    return Q(publication__in=PublicationRow.objects.filter(pub_id__in=pub_ids).values("pk"))


def _matching(words: Sequence[str]) -> set[int]:
    """Return the numbers of the names that have every word, at most one more than are rare."""
    each = [set(_with_word(word)[: RARE_NAMES + 1]) for word in words]
    rarest = min(each, key=len)
    if len(words) == 1:
        return rarest
    if len(rarest) > RARE_NAMES:  # every word is frequent, and only the longest has an index
        spaced = _with_word(words[0]).annotate(spaced=Concat(Value(" ", TextField()), "name__key"))
        others = (Q(spaced__contains=f" {word}") for word in words[1:])
        return set(spaced.filter(*others)[: RARE_NAMES + 1])
    keys = NameRow.objects.filter(pk__in=rarest).values_list("pk", "key")
    return {number for number, key in keys if has_words(key, words)}


def _with_word(beginning: str) -> QuerySet[NameWordRow, int]:
    """Return the numbers of the names that have a word with a beginning."""
    rows = NameWordRow.objects.filter(word__gte=beginning, word__lte=beginning + LAST_CHARACTER)
    return rows.values_list("name_id", flat=True)


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


def _found_names(sums: Sequence[tuple[str, int, int]], wanted: NameFilter) -> Iterator[FoundName]:
    """Return names with their sums, and the publications that mention each most."""
    place = Window(
        RowNumber(), partition_by="entity_id", order_by=[f"-{wanted.order}", "publication"]
    )
    mentioned = EntityRow.objects.filter(entity_id__in=[id_ for id_, *_ in sums], mentions__gt=0)
    if wanted.publications is not None:
        mentioned = mentioned.filter(_of(wanted.publications))
    most: dict[str, list[EntityRow]] = defaultdict(list)
    for row in mentioned.annotate(place=place).filter(place__lte=NAME_PUBLICATIONS):
        most[row.entity_id].append(row)
    for rows in most.values():
        rows.sort(key=attrgetter("place"))
    counts = read_entity_counts([rows[0] for rows in most.values()], days=False)
    numbers = {row.publication_id for rows in most.values() for row in rows}
    publications = PublicationRow.objects.only("pub_id", "name").in_bulk(numbers)
    for id_, mentions, posts in sums:
        first = most[id_][0]
        shown = counts[first.pk]
        name = (id_, first.family, first.key, shown.label, shown.text)
        own = ((publications[row.publication_id], row) for row in most[id_])
        yield FoundName(
            StoredEntity(*name, mentions, posts),
            [NameInPublication(p.pub_id, p.name, row.mentions, row.posts) for p, row in own],
        )
