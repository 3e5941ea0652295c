"""
Publications, groups of them, names and periods side by side, each side with its sample.

A store knows only the most mentioned names of a publication. So the names of all sides are looked
up in each publication: a name that a side lacks is truly absent from it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from ingest.analytics.time_axis import Step, axis_of
from ingest.analytics.top_entities import read_top_entities
from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.store.base import Cursor, EntityFilter, Publication, StoredEntity, StoreReader

# How many entities a comparison reads of the store, about; it shares them out among the sides.
READ_ENTITIES = 1200
# The most mentioned entities of a publication that a comparison looks at.
MIN_TOP, MAX_TOP = 10, 200

Order = Literal["share", "difference", "mentions"]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: publications, counted together, within a window of days."""

    title: str
    publications: tuple[Publication, ...]
    window: DayWindow = EVERY_DAY

    @cached_property
    def days(self) -> Mapping[str, int]:
        """The posts of each day."""
        return _add_up(self.window.part(publication.days) for publication in self.publications)

    @cached_property
    def posts(self) -> int:
        """The sample: how many posts count."""
        return sum(self.days.values())

    @property
    def since(self) -> str | None:
        """The first day: that of the window, else of the posts."""
        return self.window.since or min(self.days, default=None)

    @property
    def until(self) -> str | None:
        """The last day: that of the window, else of the posts."""
        return self.window.until or max(self.days, default=None)


class SideCounts(NamedTuple):
    """An entity on one side: its mentions, its posts, its share of posts, its posts by day."""

    mentions: int
    posts: int
    share: float
    days: Mapping[str, int]


@dataclass(frozen=True)
class ComparedRow:
    """An entity, and its exact counts on each side."""

    entity: StoredEntity
    counts: tuple[SideCounts, ...]

    @property
    def mentions(self) -> int:
        """The mentions on all sides."""
        return sum(counts.mentions for counts in self.counts)

    @property
    def sides(self) -> tuple[int, ...]:
        """The numbers of the sides that mention it."""
        return tuple(i for i, counts in enumerate(self.counts) if counts.mentions)

    @property
    def difference(self) -> float:
        """How far the largest share is from the smallest."""
        shares = [counts.share for counts in self.counts]
        return max(shares) - min(shares)


@dataclass(frozen=True)
class Comparison:
    """
    The sides, and the entities that were looked up on all of them.

    Args:
        top: how many of the most mentioned names of each publication were looked at; None where
            the names were given.
    """

    sides: tuple[Side, ...]
    rows: list[ComparedRow]
    top: int | None = None

    def only(self, side: int) -> list[ComparedRow]:
        """Return the entities that this side alone mentions."""
        return [row for row in self.rows if row.sides == (side,)]

    def lacking(self, side: int) -> list[ComparedRow]:
        """Return the entities that every other side mentions, if there are several others."""
        others = tuple(i for i in range(len(self.sides)) if i != side)
        return [row for row in self.rows if len(others) > 1 and row.sides == others]

    @property
    def shared(self) -> list[ComparedRow]:
        """The entities that all sides mention."""
        return [row for row in self.rows if len(row.sides) == len(self.sides)]


SORT_KEYS: Mapping[Order, Callable[[ComparedRow], float]] = {
    "share": lambda row: sum(counts.share for counts in row.counts),
    "difference": lambda row: row.difference,
    "mentions": lambda row: row.mentions,
}


def compare(
    store: StoreReader,
    sides: Sequence[Side],
    *,
    family: str | None = None,
    entity_ids: Sequence[str] = (),
    order: Order = "share",
) -> Comparison:
    """Compare sides by these entities, or by the most mentioned ones of each publication."""
    publications = {p.id: p for side in sides for p in side.publications}
    lists = sum(len(side.publications) for side in sides)
    top = None if entity_ids else _top_size(lists, len(publications))
    ids = entity_ids or _candidates(store, sides, family, top or 0, len(publications))
    found = {
        pub_id: {e.id: e for e in store.entities_by_id(publication.name, ids) if e.mentions}
        for pub_id, publication in publications.items()
    }
    rows = [row for entity_id in ids if (row := _row(entity_id, sides, found))]
    rows.sort(key=lambda row: (-SORT_KEYS[order](row), row.entity.key, row.entity.id))
    return Comparison(tuple(sides), rows, top)


def _top_size(lists: int, publications: int) -> int:
    """Return how many entities of each list are looked up in each publication."""
    fitting = READ_ENTITIES // max(1, lists * (1 + publications))
    return max(MIN_TOP, min(MAX_TOP, fitting))


def _candidates(
    store: StoreReader, sides: Sequence[Side], family: str | None, top: int, publications: int
) -> list[str]:
    """Return the most mentioned entities of the sides, as many as may be looked up."""
    lists = sum(len(side.publications) for side in sides)
    considered = max(top, READ_ENTITIES // (2 * max(1, lists)))
    wanted = EntityFilter[Cursor](limit=top, family=family, considered=considered)
    best: dict[str, float] = defaultdict(float)
    for side in sides:
        for publication in side.publications:
            for entity in _most_mentioned(store, publication, side.window, wanted):
                best[entity.id] += entity.mentions / max(1, side.posts)
    most = max(MIN_TOP, (READ_ENTITIES - lists * top) // max(1, publications))
    return sorted(best, key=lambda entity_id: (-best[entity_id], entity_id))[:most]


def _most_mentioned(
    store: StoreReader, publication: Publication, window: DayWindow, wanted: EntityFilter[Cursor]
) -> list[StoredEntity]:
    if window:
        return store.entities_within(publication.name, window, wanted).entities
    found = read_top_entities(store, publication, wanted)
    return store.entities(publication.name, wanted) if found is None else found


def _row(
    entity_id: str, sides: Sequence[Side], found: Mapping[str, Mapping[str, StoredEntity]]
) -> ComparedRow | None:
    own = [entities[entity_id] for entities in found.values() if entity_id in entities]
    if not own:
        return None
    counts = tuple(_counts(entity_id, side, found) for side in sides)
    row = ComparedRow(max(own, key=lambda e: e.mentions), counts)
    return row if row.mentions else None


def _counts(
    entity_id: str, side: Side, found: Mapping[str, Mapping[str, StoredEntity]]
) -> SideCounts:
    own = [found[p.id][entity_id] for p in side.publications if entity_id in found[p.id]]
    days = _add_up(side.window.part(entity.post_days) for entity in own)
    mentions = sum(side.window.total(entity.days) for entity in own)
    posts = sum(days.values())
    return SideCounts(mentions, posts, posts / side.posts if side.posts else 0.0, days)


def _add_up(days: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for each in days:
        sums.update(each)
    return dict(sorted(sums.items()))


@dataclass(frozen=True)
class ShareLines:
    """
    The share of posts that mention an entity over time: a line for each side.

    Args:
        starts: the first day of each step; the lines have a value, or None, for each.
    """

    entity: StoredEntity
    step: Step
    starts: tuple[str, ...]
    lines: tuple[tuple[float | None, ...], ...]

    @property
    def by_start(self) -> list[tuple[str, tuple[float | None, ...]]]:
        """The shares of all lines in each step."""
        return list(zip(self.starts, zip(*self.lines, strict=True), strict=True))


def share_lines(
    comparison: Comparison, rows: Sequence[ComparedRow], step: Step | None = None
) -> list[ShareLines]:
    """Return the lines of some entities, all over the same days and in the same steps."""
    axis = axis_of(_add_up(side.days for side in comparison.sides), EVERY_DAY, step)
    if axis is None:
        return []
    samples = [axis.sums(side.days) for side in comparison.sides]
    found = []
    for row in rows:
        posts = [axis.sums(counts.days) for counts in row.counts]
        lines = tuple(_line(own, of) for own, of in zip(posts, samples, strict=True))
        found.append(ShareLines(row.entity, axis.step, tuple(samples[0]), lines))
    return found


def _line(posts: Mapping[str, int], sample: Mapping[str, int]) -> tuple[float | None, ...]:
    """Return the share of each step; None in a step without posts."""
    return tuple(posts[start] / of if of else None for start, of in sample.items())
