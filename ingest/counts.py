"""How posts add up: counts that merge in any order, and change none of what they merge."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

from ingest.messages import Entity, PostEntities

EntityName = tuple[str, str]  # label and key: what an entity is counted under


@dataclass(frozen=True)
class EntityCounts:
    """What a number of posts say of one entity; `days` holds mentions, by ISO date."""

    mentions: int = 0
    posts: int = 0
    days: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "EntityCounts") -> "EntityCounts":
        return EntityCounts(
            self.mentions + other.mentions,
            self.posts + other.posts,
            self.days + other.days,
            self.forms + other.forms,
        )

    def __sub__(self, other: "EntityCounts") -> "EntityCounts":
        return EntityCounts(
            self.mentions - other.mentions,
            self.posts - other.posts,
            _minus(self.days, other.days),
            self.forms,
        )

    def __bool__(self) -> bool:
        return bool(self.mentions or self.posts or self.days)

    @property
    def text(self) -> str:
        """The form to show: the most frequent one, and of equals the first in the alphabet."""
        return min(self.forms, key=lambda form: (-self.forms[form], form))


@dataclass(frozen=True)
class Counts:
    """What a number of posts of one publication add up to; `days` holds posts, by ISO date."""

    posts: int = 0
    days: Counter[str] = field(default_factory=Counter)
    entities: dict[EntityName, EntityCounts] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        shared = self.entities.keys() & other.entities.keys()
        sums = {name: self.entities[name] + other.entities[name] for name in shared}
        return Counts(
            self.posts + other.posts,
            self.days + other.days,
            self.entities | other.entities | sums,
        )

    def __sub__(self, other: "Counts") -> "Counts":
        """Return the difference, which may be negative, without the entities that have none."""
        none = EntityCounts()
        names = self.entities.keys() | other.entities.keys()
        differences = {n: self.entities.get(n, none) - other.entities.get(n, none) for n in names}
        return Counts(
            self.posts - other.posts,
            _minus(self.days, other.days),
            {name: counts for name, counts in differences.items() if counts},
        )

    def __bool__(self) -> bool:
        return bool(self.posts or self.days or self.entities)


def _minus(some: Counter[str], other: Counter[str]) -> Counter[str]:
    """Subtract, and keep what is negative; a Counter's own minus drops it."""
    days = some.keys() | other.keys()
    return Counter({day: some[day] - other[day] for day in days if some[day] != other[day]})


def count_post(post: PostEntities) -> Counts:
    """Count one post, in which an entity may stand under several forms."""
    day = post.day.isoformat()
    entities: dict[EntityName, EntityCounts] = {}
    for entity in post.entities:
        name = (entity.label, entity.key)
        entities[name] = entities.get(name, EntityCounts(posts=1)) + _count_entity(entity, day)
    return Counts(1, Counter([day]), entities)


def _count_entity(entity: Entity, day: str) -> EntityCounts:
    mentions = entity.mentions
    return EntityCounts(mentions, 0, Counter({day: mentions}), Counter({entity.text: mentions}))


def merge_counts(counts: Iterable[Counts]) -> Counts:
    """Add counts up; of none, nothing."""
    return reduce(Counts.__add__, counts, Counts())


def count_posts(posts: Iterable[PostEntities]) -> Counts:
    """Count the posts of one publication together."""
    return merge_counts(map(count_post, posts))
