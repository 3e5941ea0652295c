"""
Packs: what the entities of a day, a month, a year or all days add up to, in one row.

A long window has millions of rows of entities' days, but few packs. Some are added, and others
taken away: most of a year is the year without the rest. A writer deletes the packs of the days
that it changes, in its own transaction. Days without a pack are read from the rows of their
entities. So a window is exact, whether it has packs or not.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence, Set
from datetime import datetime
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from ingest.core.chunks import chunks
from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.store.sql.database import (
    STATEMENT_ROWS,
    database,
    execute_many,
    insert,
    snapshot,
    transact,
)
from ingest.store.sql.models import EntityDayRow, PackRow, PublicationDayRow, PublicationRow

if TYPE_CHECKING:  # numpy is imported where it is used: a process starts sooner without it
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

# A period with fewer posts has so few rows that a pack would save no time.
LEAST_POSTS = 100
# How much of an ISO date names all days, the year, the month and the day.
LENGTHS = (0, 4, 7, 10)
ALL_DAYS = ""


class Sums(NamedTuple):
    """What entities add up to, each entity once, in the order of the numbers of their rows."""

    entities: "Numbers"
    mentions: "Numbers"
    posts: "Numbers"

    def where(self, mask: "NDArray[np.bool]") -> "Sums":
        """Return the sums of the entities that a mask chooses."""
        return Sums(*(column[mask] for column in self))


class Part(NamedTuple):
    """A period whose sums are added, or taken away."""

    period: str
    sign: int


def sum_window(publication: PublicationRow, window: DayWindow, *, period: str = ALL_DAYS) -> Sums:
    """Add up the days of a window that are in a period."""
    counted = PublicationDayRow.objects.filter(publication=publication, day__startswith=period)
    days = list(counted.order_by("day").values_list("day", flat=True))
    wanted = {day for day in days if day in window}
    packs = _true_packs(publication).filter(period__startswith=period)
    packed = set(packs.values_list("period", flat=True))
    parts = fewest_parts(period, days, wanted, packed)
    sums = Sums(*add_up(*_read_parts(publication, parts, packed)))
    return sums.where((sums.mentions != 0) | (sums.posts != 0))


def fewest_parts(
    period: str, days: Sequence[str], wanted: Set[str], packed: Container[str]
) -> list[Part]:
    """
    Return the fewest packs and days that add up to the wanted days of a period.

    Args:
        days: those of the period, in order.
        packed: the periods that have a pack. A day needs none.
    """
    rest = {day for day in days if day not in wanted}
    if len(rest) == len(days):
        return []
    length = len(period)
    if length == LENGTHS[-1] or (period in packed and not rest):
        return [Part(period, 1)]
    next_length = LENGTHS[LENGTHS.index(length) + 1]
    children = [(key, list(own)) for key, own in groupby(days, lambda day: day[:next_length])]
    added = [part for key, own in children for part in fewest_parts(key, own, wanted, packed)]
    if period not in packed:
        return added
    taken = [part for key, own in children for part in fewest_parts(key, own, rest, packed)]
    return min(added, [Part(period, 1), *(Part(key, -sign) for key, sign in taken)], key=len)


def add_up(*parts: "Sequence[Numbers]") -> "list[Numbers]":
    """Add up parts: each has the numbers of entities in order, then what is added for each."""
    import numpy as np

    entities, *columns = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(entities, kind="stable")  # the quickest where each part is in order
    entities = entities[order]
    first = np.flatnonzero(np.diff(entities, prepend=-1))
    return [entities[first], *(np.add.reduceat(column[order], first) for column in columns)]


def write_packs(number: int, *, limit: int) -> int:
    """
    Write at most so many of the packs that a publication lacks, and return how many it still does.

    Args:
        number: that of the publication's row.
    """
    rows = PublicationRow.objects.filter(pk=number)
    for period in _missing(rows.get())[:limit]:
        with snapshot():
            seen = rows.get()
            packed = _packed(sum_window(seen, EVERY_DAY, period=period))
        with transact():
            # Every writer locks this row, then deletes packs. So none can miss this pack.
            locked = rows.select_for_update().get()
            if locked.changed_at != seen.changed_at:
                continue
            if not _are_true(locked):
                _delete_untrue(locked)
            as_of = locked.changed_at if period == ALL_DAYS else None
            insert(
                PackRow,
                ("publication", "period", "entities", "as_of"),
                [(number, period, packed, _time_value(as_of))],
                tail="ON CONFLICT (publication, period)"
                " DO UPDATE SET entities = excluded.entities, as_of = excluded.as_of",
            )
    return len(_missing(rows.get()))


def change_publications(numbers: Iterable[int]) -> None:
    """Lock the rows of publications and set their time; packs stay true if they were so far."""
    now = _time_value(timezone.now())
    execute_many(
        "UPDATE counts_publication SET changed_at = %s, packed_as_of = CASE"
        " WHEN packed_as_of = changed_at THEN %s ELSE packed_as_of END WHERE id = %s",
        [(now, now, number) for number in numbers],
    )


def delete_packs(days: Iterable[tuple[int, str]]) -> None:
    """Delete the packs that hold one of these days, each with the number of its publication."""
    periods = {(number, day[:length]) for number, day in days for length in LENGTHS}
    execute_many("DELETE FROM counts_pack WHERE publication = %s AND period = %s", sorted(periods))


def _time_value(time: datetime | None) -> Any:
    """Return a time as a parameter of the database."""
    return database().ops.adapt_datetimefield_value(time)


def _are_true(publication: PublicationRow) -> bool:
    return publication.packed_as_of == publication.changed_at


def _true_packs(publication: PublicationRow) -> QuerySet[PackRow]:
    """Return the packs that no older version has left untrue."""
    rows = PackRow.objects.filter(publication=publication)
    of_now = Q(as_of=None) | Q(as_of=publication.changed_at)
    return rows.filter(of_now) if _are_true(publication) else rows.none()


def _delete_untrue(publication: PublicationRow) -> None:
    """Delete the packs of a publication that an older version has changed."""
    PackRow.objects.filter(publication=publication).delete()
    publication.packed_as_of = publication.changed_at
    publication.save(update_fields=["packed_as_of"])


def _missing(publication: PublicationRow) -> list[str]:
    """Return the periods that lack a pack: days before months and years, the newest first."""
    counted = PublicationDayRow.objects.filter(publication=publication).order_by("-day")
    days = list(counted.values_list("day", "posts"))
    posts: Counter[str] = Counter()
    for length in reversed(LENGTHS):
        for day, own in days:
            posts[day[:length]] += own
    written = set(_true_packs(publication).values_list("period", flat=True))
    return [p for p, own in posts.items() if own >= LEAST_POSTS and p not in written]


def _read_parts(
    publication: PublicationRow, parts: Iterable[Part], packed: Container[str]
) -> Iterator[Sums]:
    """Read the sums of parts, at least one."""
    signs = dict(parts)
    rows = PackRow.objects.filter(publication=publication)
    for chunk in chunks([p for p in signs if p in packed], STATEMENT_ROWS):
        for period, pack in rows.filter(period__in=chunk).values_list("period", "entities"):
            yield _signed(_unpacked(pack), signs[period])
    for sign in (1, -1):
        days = [p for p, own in signs.items() if own == sign and p not in packed]
        for chunk in chunks(days, STATEMENT_ROWS) if days else [[]]:
            yield _signed(_sum_days(publication, chunk), sign)


def _signed(sums: Sums, sign: int) -> Sums:
    return sums if sign > 0 else Sums(sums.entities, -sums.mentions, -sums.posts)


def _sum_days(publication: PublicationRow, days: Sequence[str]) -> Sums:
    """Add up the rows of entities' days."""
    import numpy as np

    rows = EntityDayRow.objects.filter(publication=publication, day__in=days)
    sums = rows.values_list("entity").order_by("entity").annotate(Sum("mentions"), Sum("posts"))
    return Sums(*np.array(list(sums), np.int64).reshape(-1, len(Sums._fields)).T)


def _packed(sums: Sums) -> bytes:
    """
    Return sums in few bytes: a line with the type of each column, then the columns.

    A type is the smallest that holds its numbers. Entities are what is added from one to the next.
    """
    import numpy as np

    steps = sums._replace(entities=np.diff(sums.entities, prepend=0))
    columns = [column.astype(_smallest_type(column)) for column in steps]
    head = " ".join(column.dtype.str for column in columns)
    return b"\n".join((head.encode(), b"".join(column.tobytes() for column in columns)))


def _smallest_type(column: "Numbers") -> "np.dtype[Any]":
    import numpy as np

    least, most = int(column.min(initial=0)), int(column.max(initial=0))
    return np.result_type(np.min_scalar_type(least), np.min_scalar_type(most))


def _unpacked(packed: bytes | memoryview) -> Sums:
    import numpy as np

    head, body = bytes(packed).split(b"\n", 1)
    types = [np.dtype(name) for name in head.decode().split()]
    number = len(body) // sum(type_.itemsize for type_ in types)
    starts = accumulate((number * type_.itemsize for type_ in types), initial=0)
    columns = (
        np.frombuffer(body, type_, number, start).astype(np.int64)
        for type_, start in zip(types, starts, strict=False)
    )
    steps = Sums(*columns)
    return steps._replace(entities=np.cumsum(steps.entities))
