"""How posts add up: immutable counts that merge in any order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import zip_longest

from ingest.core.chunks import chunks
from ingest.core.entity_names import family
from ingest.core.messages import Entity, PostEntities

EntityName = tuple[str, str]  # family and key: the name an entity is counted under
Tally = Counter[str]


# The tallies of an entity's counts, in their order.
TALLIES = ("days", "forms", "labels", "post_days")


def name_of(entity: Entity) -> EntityName:
    """Return the name an entity is counted under."""
    return family(entity.label), entity.key


@dataclass(frozen=True)
class EntityCounts:
    """
    The counts of one entity in some posts.

    `days`, `forms` and `labels` hold mentions: by ISO date, by the text as written, and by label.
    `post_days` holds posts by ISO date.
    """

    mentions: int = 0
    posts: int = 0
    days: Tally = field(default_factory=Counter)
    forms: Tally = field(default_factory=Counter)
    labels: Tally = field(default_factory=Counter)
    post_days: Tally = field(default_factory=Counter)

    def __add__(self, other: "EntityCounts") -> "EntityCounts":
        return EntityCounts(
            self.mentions + other.mentions,
            self.posts + other.posts,
            _add(self.days, other.days),
            _add(self.forms, other.forms),
            _add(self.labels, other.labels),
            _add(self.post_days, other.post_days),
        )

    def __neg__(self) -> "EntityCounts":
        return EntityCounts(
            -self.mentions,
            -self.posts,
            _negate(self.days),
            _negate(self.forms),
            _negate(self.labels),
            _negate(self.post_days),
        )

    def __bool__(self) -> bool:
        tallies = self.days or self.forms or self.labels or self.post_days
        return bool(self.mentions or self.posts or tallies)

    def parts(self, changes: int) -> Iterator["EntityCounts"]:
        """Cut these counts into parts with at most so many changes, which add up to the whole."""
        singles = [(of, *one) for of in TALLIES for one in getattr(self, of).items()]
        mentions, posts = self.mentions, self.posts
        for chunk in list(chunks(singles, changes - 2)) or [[]]:
            own = {of: Counter({name: n for o, name, n in chunk if o == of}) for of in TALLIES}
            yield EntityCounts(mentions, posts, *own.values())
            mentions = posts = 0

    @property
    def every_day(self) -> Set[str]:
        """The days on which the entity has mentions or posts."""
        return self.days.keys() | self.post_days.keys()

    @property
    def changes(self) -> int:
        """How many sums a part of these counts changes."""
        return 2 + len(self.days) + len(self.forms) + len(self.labels) + len(self.post_days)

    @property
    def text(self) -> str:
        """The form to show."""
        return most_frequent(self.forms)

    @property
    def label(self) -> str:
        """The label to show."""
        return most_frequent(self.labels)


@dataclass(frozen=True)
class Counts:
    """
    The counts of some posts of one publication; `days` holds posts by ISO date.

    A difference of counts may be negative. It leaves out every count that is zero.
    """

    posts: int = 0
    days: Tally = field(default_factory=Counter)
    entities: dict[EntityName, EntityCounts] = field(default_factory=dict)

    @property
    def every_day(self) -> Set[str]:
        """The days on which posts or entities count."""
        return set(self.days).union(*(entity.every_day for entity in self.entities.values()))

    def most_changes(self) -> int:
        """Return how many sums change at most, of those of the publication and of each entity."""
        entities = (counts.changes for counts in self.entities.values())
        return max(2 + len(self.days), *entities, 0)

    def parts(self, *, changes: int, entities: int) -> Iterator["Counts"]:
        """
        Cut these counts into parts, which add up to the whole.

        Args:
            changes: how many sums of the publication, or of one entity, a part changes.
            entities: how many entities a part has.
        """
        posts = self.posts
        for days in chunks(self.days.items(), changes - 2):
            yield Counts(posts, Counter(dict(days)))
            posts = 0
        if posts:
            yield Counts(posts)
        for chunk in chunks(self.entities.items(), entities):
            cut = [[(name, part) for part in counts.parts(changes)] for name, counts in chunk]
            for parts in zip_longest(*cut):
                yield Counts(entities=dict(part for part in parts if part))

    def __add__(self, other: "Counts") -> "Counts":
        shared = self.entities.keys() & other.entities.keys()
        sums = {name: self.entities[name] + other.entities[name] for name in shared}
        entities = self.entities | other.entities | sums
        for name in (name for name, counts in sums.items() if not counts):
            del entities[name]
        return Counts(self.posts + other.posts, _add(self.days, other.days), entities)

    def __neg__(self) -> "Counts":
        entities = {name: -counts for name, counts in self.entities.items()}
        return Counts(-self.posts, _negate(self.days), entities)

    def __sub__(self, other: "Counts") -> "Counts":
        return self + -other

    def __bool__(self) -> bool:
        return bool(self.posts or self.days or self.entities)


def most_frequent(tally: Tally) -> str:
    """Return the most frequent name: the first in the alphabet of equals, "" of an empty tally."""
    return min(tally, key=lambda name: (-tally[name], name), default="")


def _add(tally: Tally, other: Tally) -> Tally:
    """Add two tallies and keep negative counts, which a Counter's own plus drops."""
    sums = Counter(tally)
    sums.update(other)
    return Counter({name: count for name, count in sums.items() if count})


def _negate(tally: Tally) -> Tally:
    return Counter({name: -count for name, count in tally.items()})


def count_post(post: PostEntities) -> Counts:
    """Count one post; an entity may have several forms in it."""
    return count_posts([post])


def merge_counts(counts: Iterable[Counts]) -> Counts:
    """Return the sum of counts; of none, empty counts."""
    return reduce(Counts.__add__, counts, Counts())


def count_posts(posts: Iterable[PostEntities]) -> Counts:
    """Count the posts of one publication together, in one pass."""
    days: Tally = Counter()
    entities: dict[EntityName, EntityCounts] = defaultdict(EntityCounts)
    for post in posts:
        day = post.day.isoformat()
        days[day] += 1
        for entity in post.entities:
            counts = entities[name_of(entity)]
            counts.days[day] += entity.mentions
            counts.forms[entity.text] += entity.mentions
            counts.labels[entity.label] += entity.mentions
        for name in set(map(name_of, post.entities)):
            entities[name].post_days[day] += 1
    return Counts(days.total(), days, {name: totalled(c) for name, c in entities.items()})


def totalled(counts: EntityCounts) -> EntityCounts:
    """Return counts with the sums of their days."""
    return replace(counts, mentions=counts.days.total(), posts=counts.post_days.total())
