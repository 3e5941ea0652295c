"""An operator's alias rules: which entities are renamed, merged or hidden."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ingest.core.counts import EntityName, name_of
from ingest.core.entity_names import entity_id, entity_key
from ingest.core.messages import Entity, PostEntities
from ingest.core.posts import publication_key


@dataclass(frozen=True)
class Replacement:
    """The entity that another is counted and shown as; an empty label keeps the entity's own."""

    text: str
    label: str = ""

    def replace(self, entity: Entity) -> Entity:
        """Return the entity under its new name."""
        label = self.label or entity.label
        return Entity(entity_key(self.text), label, self.text, entity.mentions)


# Keyed by the name an entity is counted under; None hides the entity.
Table = Mapping[EntityName, Replacement | None]


@dataclass(frozen=True)
class Rules:
    """The rules of one version; `own`, by publication key, take precedence over `everywhere`."""

    version: int = 0
    everywhere: Table = field(default_factory=dict)
    own: Mapping[str, Table] = field(default_factory=dict)

    def apply(self, post: PostEntities) -> PostEntities:
        """
        Return a post as it counts under these rules, whatever rules it counted under before.

        Where the rules change its entities, the post keeps the model's own in `found`. So an
        operator can take a rule back.
        """
        found = post.entities if post.found is None else post.found
        table = self._table(post.publication)
        counted = _merge_equal([e for e in (_follow_rules(e, table) for e in found) if e])
        fields = {"entities": counted, "found": None if counted == found else found}
        return post.model_copy(update={**fields, "rules": self.version})

    def revise(self, post: PostEntities) -> PostEntities:
        """Return a saved post under these rules: the same object if its entities stay the same."""
        revised = self.apply(post)
        return post if revised.entities == post.entities else revised

    def counted_as(self, entity: Entity, publication: str) -> Entity | None:
        """Return the entity that a model's own counts as; None if a rule hides it."""
        return _follow_rules(entity, self._table(publication))

    @cached_property
    def successors(self) -> Mapping[str, str]:
        """The ids of renamed entities, and those that they count under; of all publications."""
        found = {}
        for table in (*self.own.values(), self.everywhere):
            for family, key in table:
                counted = _follow_rules(Entity(key, family, key, 1), {**self.everywhere, **table})
                if counted and name_of(counted) != (family, key):
                    found[entity_id(family, key)] = entity_id(*name_of(counted))
        return found

    def _table(self, publication: str) -> Table:
        own = self.own.get(publication_key(publication))
        return {**self.everywhere, **own} if own else self.everywhere


def has_cycle(table: Table, start: EntityName) -> bool:
    """Return whether the rules lead from a name back to itself through another one."""
    seen = [start]
    while replacement := table.get(seen[-1]):
        key = entity_key(replacement.text)
        name = name_of(Entity(key, replacement.label or seen[-1][0], replacement.text, 1))
        if name == seen[-1]:
            return False  # the rule changes only the shown text
        if name in seen:
            return True
        seen.append(name)
    return False


def _follow_rules(entity: Entity, table: Table) -> Entity | None:
    """Follow the rules from an entity to its last replacement; return None if a rule hides it."""
    seen: set[EntityName] = set()
    while (name := name_of(entity)) in table and name not in seen:
        seen.add(name)
        replacement = table[name]
        if replacement is None:
            return None
        entity = replacement.replace(entity)
    return entity


def _merge_equal(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """Add up the mentions of entities that are now the same."""
    mentions: Counter[tuple[str, str, str]] = Counter()
    for entity in entities:
        mentions[entity[:3]] += entity.mentions
    return tuple(Entity(*name, mentions=count) for name, count in mentions.items())
