"""The parameters of a comparison, and the sides that they ask for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ingest.analytics.comparison import Comparison, Order, Side, compare
from ingest.analytics.entity_list import Day, Family
from ingest.analytics.time_axis import ChosenStep
from ingest.core.day_window import DayWindow
from ingest.core.entity_names import FAMILIES, entity_id, entity_key
from ingest.core.posts import is_id
from ingest.models import PublicationGroup
from ingest.store.base import Publication, StoreReader

MAX_SUBJECTS, MAX_PERIODS, MAX_NAMES = 10, 10, 10
MAX_SIDES = 10
MAX_PUBLICATIONS = 20  # on all sides together
MAX_LISTS = 40  # of a publication within a period

GROUP_SIGN = "~"  # before the address of a kept group
BETWEEN_DAYS = ".."


class NotComparable(Exception):
    """A parameter names what is not there, or asks for too much; its texts are for people."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class DayRange(BaseModel):
    """Two days in order; either end may be open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Day | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError("since is after until")
        return self

    @property
    def window(self) -> DayWindow:
        """The window of days."""
        return DayWindow(self.since, self.until)


def read_period(text: str) -> DayWindow:
    """Read a period such as `2026-05-01..2026-05-31`, or raise ValueError."""
    since, dots, until = text.partition(BETWEEN_DAYS)
    if not dots:
        raise ValueError("is not two days such as 2026-05-01..2026-05-31")
    return DayRange(since=since or None, until=until or None).window


def _a_period(text: str) -> str:
    read_period(text)
    return text


Subject = Annotated[str, Field(min_length=1, max_length=700)]
Period = Annotated[str, Field(max_length=30), AfterValidator(_a_period)]
NameText = Annotated[str, Field(min_length=1, max_length=200)]


class ComparisonQuery(DayRange):
    """
    The parameters of a comparison.

    `of` names a publication by its name or id, several by their ids with commas between, or a kept
    group as `~address`. `name` is an entity's id, or its text; a name that an alias has merged is
    the one that it counts as. Each subject is shown in each period.
    """

    of: tuple[Subject, ...] = Field(default=(), max_length=MAX_SUBJECTS)
    name: tuple[NameText, ...] = Field(default=(), max_length=MAX_NAMES)
    period: tuple[Period, ...] = Field(default=(), max_length=MAX_PERIODS)
    family: Family | None = None
    order: Order = "share"
    step: ChosenStep | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to compare yet."""
        return not self.of and not self.name

    @property
    def windows(self) -> list[DayWindow]:
        """The windows of days: those of the periods, or the one between since and until."""
        return [read_period(text) for text in self.period] or [self.window]


def read_comparison(
    store: StoreReader, query: ComparisonQuery, successors: Mapping[str, str]
) -> Comparison:
    """
    Compare what a query asks for.

    Args:
        successors: the ids of entities that aliases have merged, and those that they count under.

    Raises:
        NotComparable: a subject or a name is not there, or there are too many.
    """
    if query.is_empty:
        raise NotComparable("of", "names no publication, and name names no name")
    subjects = [_subject(store, text) for text in query.of]
    names = [_present(store, _matching_ids(text), successors) for text in query.name]
    subjects = subjects or [_mentioning(store, names)]
    sides = list(_sides(subjects, query.windows))
    _check_size(sides)
    ids = [_existing(store, sides, text, ids) for text, ids in zip(query.name, names, strict=True)]
    flat = list(dict.fromkeys(entity_id for each in ids for entity_id in each))
    return compare(store, sides, family=query.family, entity_ids=flat, order=query.order)


Subjects = tuple[str, tuple[Publication, ...]]


def _subject(store: StoreReader, text: str) -> Subjects:
    """Return the title and the publications of a subject."""
    if text.startswith(GROUP_SIGN):
        group = PublicationGroup.objects.filter(slug=text.removeprefix(GROUP_SIGN)).first()
        found = _found(store, group.publications) if group else []
        title = group.name if group else ""
    elif "," in text and all(map(is_id, text.split(","))):
        found = _found(store, text.split(","))
        title = ", ".join(publication.name for publication in found)
    else:
        found = _found(store, [text])
        title = found[0].name if found else ""
    if not found:
        raise NotComparable("of", f"names no publication that is here: {text}")
    return title, tuple(found)


def _found(store: StoreReader, texts: Sequence[str]) -> list[Publication]:
    """Return the publications of these names or ids, each once."""
    found = (store.publication_by_id(text) or store.publication(text) for text in texts)
    return list({publication.id: publication for publication in found if publication}.values())


def _mentioning(store: StoreReader, names: Sequence[Sequence[str]]) -> Subjects:
    """Return the publications that mention one of the names most."""
    most = MAX_PUBLICATIONS // len(names)
    ids = (entity_id for each in names for entity_id in each)
    pairs = [pair for entity_id in ids for pair in store.entity_everywhere(entity_id, limit=most)]
    pairs.sort(key=lambda pair: -pair[1].mentions)
    found = list({publication.id: publication for publication, _ in pairs}.values())
    if not found:
        raise NotComparable("name", "no publication mentions any of these names")
    own = found[:MAX_PUBLICATIONS]
    return f"The {len(own)} publications that mention these names most", tuple(own)


def _sides(subjects: Sequence[Subjects], windows: Sequence[DayWindow]) -> Iterator[Side]:
    for title, publications in subjects:
        for window in windows:
            days = f", {window.since or ''} to {window.until or 'now'}" if len(windows) > 1 else ""
            yield Side(f"{title}{days}", publications, window)


def _check_size(sides: Sequence[Side]) -> None:
    lists = [publication.id for side in sides for publication in side.publications]
    limits = (
        ("of", len(sides), MAX_SIDES, "sides"),
        ("of", len(set(lists)), MAX_PUBLICATIONS, "publications"),
        ("period", len(lists), MAX_LISTS, "publications over all periods"),
    )
    for field, size, limit, what in limits:
        if size > limit:
            raise NotComparable(field, f"a comparison has at most {limit} {what}, not {size}")


def _matching_ids(text: str) -> list[str]:
    """Return the ids that a name may have: the id that it is, or one of each family."""
    key = entity_key(text)
    return [text] if is_id(text) else [entity_id(family, key) for family in sorted(FAMILIES)]


def _present(
    store: StoreReader, ids: Sequence[str], successors: Mapping[str, str]
) -> Sequence[str]:
    """Return ids of a name; if nothing counts under any, the ids that they count under now."""
    moved = list(dict.fromkeys(successors[each] for each in ids if each in successors))
    is_counted = not moved or any(store.entity_everywhere(each, limit=1) for each in ids)
    return ids if is_counted else moved


def _existing(
    store: StoreReader, sides: Sequence[Side], text: str, ids: Sequence[str]
) -> Sequence[str]:
    """Return those of the ids that the sides' publications have; an id given as such stays."""
    if is_id(text):
        return ids
    counted: Counter[str] = Counter()
    for publication in {p.id: p for side in sides for p in side.publications}.values():
        counted.update({e.id: e.mentions for e in store.entities_by_id(publication.name, ids)})
    found = [entity_id for entity_id, mentions in counted.items() if mentions > 0]
    if not found:
        raise NotComparable("name", f"none of these publications mentions {text}")
    return found
