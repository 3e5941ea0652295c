"""The rules of an operator: which entities count or are shown under another name, or are hidden."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.core.counts import EntityName, name_of
from ingest.core.entity_names import entity_key
from ingest.core.messages import Entity, PostEntities
from ingest.core.posts import publication_key


@dataclass(frozen=True)
class Replacement:
    """What an entity is counted and shown as; without a label it keeps its own."""

    text: str
    label: str = ""

    def replace(self, entity: Entity) -> Entity:
        """Return what an entity is counted as."""
        label = self.label or entity.label
        return Entity(entity_key(self.text), label, self.text, entity.mentions)


# By what the entity is counted under; None hides it.
Table = Mapping[EntityName, Replacement | None]


@dataclass(frozen=True)
class Rules:
    """The rules of one version: for all publications, and for each by its key, which go first."""

    version: int = 0
    everywhere: Table = field(default_factory=dict)
    own: Mapping[str, Table] = field(default_factory=dict)

    def apply(self, post: PostEntities) -> PostEntities:
        """
        Return a post as it counts under these rules, whatever rules it counted under before.

        What was found in it stays beside what is counted, where that is something else, so that
        a rule can be taken back.
        """
        found = post.entities if post.found is None else post.found
        table = self._table(post.publication)
        counted = _merged([c for c in (_counted(e, table) for e in found) if c])
        kept = {"entities": counted, "found": None if counted == found else found}
        return post.model_copy(update={**kept, "rules": self.version})

    def revise(self, post: PostEntities) -> PostEntities:
        """Return a saved post as it counts under these rules: itself, if that is as before."""
        revised = self.apply(post)
        return post if revised.entities == post.entities else revised

    def _table(self, publication: str) -> Table:
        own = self.own.get(publication_key(publication))
        return {**self.everywhere, **own} if own else self.everywhere


def has_cycle(table: Table, start: EntityName) -> bool:
    """Return whether one name becomes another, and that the first one again."""
    seen = [start]
    while becomes := table.get(seen[-1]):
        key = entity_key(becomes.text)
        name = name_of(Entity(key, becomes.label or seen[-1][0], becomes.text, 1))
        if name == seen[-1]:
            return False  # it is only shown under another text
        if name in seen:
            return True
        seen.append(name)
    return False


def _counted(entity: Entity, table: Table) -> Entity | None:
    """Follow the rules from an entity to what it counts as, or to None if it is hidden."""
    seen: set[EntityName] = set()
    while (name := name_of(entity)) in table and name not in seen:
        seen.add(name)
        becomes = table[name]
        if becomes is None:
            return None
        entity = becomes.replace(entity)
    return entity


def _merged(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """Add up what has become the same."""
    mentions: Counter[tuple[str, str, str]] = Counter()
    for entity in entities:
        mentions[entity[:3]] += entity.mentions
    return tuple(Entity(*name, mentions=count) for name, count in mentions.items())
