"""How posts add up: counts that merge in any order, and change none of what they merge."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

from ingest.core.entity_names import family
from ingest.core.messages import Entity, PostEntities

EntityName = tuple[str, str]  # family and key: what an entity is counted under
Tally = Counter[str]


def name_of(entity: Entity) -> EntityName:
    """Return what an entity is counted under."""
    return family(entity.label), entity.key


@dataclass(frozen=True)
class EntityCounts:
    """
    What a number of posts say of one entity.

    `days`, `forms` and `labels` hold mentions: by ISO date, by the text as it was written, and by
    label.
    """

    mentions: int = 0
    posts: int = 0
    days: Tally = field(default_factory=Counter)
    forms: Tally = field(default_factory=Counter)
    labels: Tally = field(default_factory=Counter)

    def __add__(self, other: "EntityCounts") -> "EntityCounts":
        return EntityCounts(
            self.mentions + other.mentions,
            self.posts + other.posts,
            _plus(self.days, other.days),
            _plus(self.forms, other.forms),
            _plus(self.labels, other.labels),
        )

    def __neg__(self) -> "EntityCounts":
        return EntityCounts(
            -self.mentions, -self.posts, _minus(self.days), _minus(self.forms), _minus(self.labels)
        )

    def __bool__(self) -> bool:
        return bool(self.mentions or self.posts or self.days or self.forms or self.labels)

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
    What a number of posts of one publication add up to; `days` holds posts, by ISO date.

    A difference of counts may be negative, and leaves out what is nothing.
    """

    posts: int = 0
    days: Tally = field(default_factory=Counter)
    entities: dict[EntityName, EntityCounts] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        shared = self.entities.keys() & other.entities.keys()
        sums = {name: self.entities[name] + other.entities[name] for name in shared}
        entities = self.entities | other.entities | sums
        for name in (name for name, counts in sums.items() if not counts):
            del entities[name]
        return Counts(self.posts + other.posts, _plus(self.days, other.days), entities)

    def __neg__(self) -> "Counts":
        entities = {name: -counts for name, counts in self.entities.items()}
        return Counts(-self.posts, _minus(self.days), entities)

    def __sub__(self, other: "Counts") -> "Counts":
        return self + -other

    def __bool__(self) -> bool:
        return bool(self.posts or self.days or self.entities)


def most_frequent(tally: Tally) -> str:
    """Return what is most frequent; of equals, the first in the alphabet; of none, nothing."""
    return min(tally, key=lambda name: (-tally[name], name), default="")


def _plus(some: Tally, other: Tally) -> Tally:
    """Add, and keep what is negative; a Counter's own plus drops it."""
    sums = Counter(some)
    sums.update(other)
    return Counter({name: count for name, count in sums.items() if count})


def _minus(some: Tally) -> Tally:
    return Counter({name: -count for name, count in some.items()})


def count_post(post: PostEntities) -> Counts:
    """Count one post, in which an entity may stand under several forms."""
    day = post.day.isoformat()
    entities: dict[EntityName, EntityCounts] = {}
    for entity in post.entities:
        name = name_of(entity)
        entities[name] = entities.get(name, EntityCounts(posts=1)) + _count_entity(entity, day)
    return Counts(1, Counter([day]), entities)


def _count_entity(entity: Entity, day: str) -> EntityCounts:
    mentions = entity.mentions
    days, forms, labels = ({name: mentions} for name in (day, entity.text, entity.label))
    return EntityCounts(mentions, 0, Counter(days), Counter(forms), Counter(labels))


def merge_counts(counts: Iterable[Counts]) -> Counts:
    """Add counts up; of none, nothing."""
    return reduce(Counts.__add__, counts, Counts())


def count_posts(posts: Iterable[PostEntities]) -> Counts:
    """Count the posts of one publication together."""
    return merge_counts(map(count_post, posts))
