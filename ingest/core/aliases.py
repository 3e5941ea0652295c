"""An operator's alias rules: which entities are renamed, merged or hidden."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ingest.core.counts import EntityName, name_of
from ingest.core.entity_names import entity_id, entity_key, family
from ingest.core.messages import Entity, PostEntities
from ingest.core.posts import publication_key


@dataclass(frozen=True)
class Replacement:
    """The entity that another is counted and shown as; an empty label keeps the entity's own."""

    text: str
    label: str = ""

    def name(self, name: EntityName) -> EntityName:
        """Return the name that another one is counted under."""
        return family(self.label) if self.label else name[0], entity_key(self.text)

    def replace(self, entity: Entity) -> Entity:
        """Return the entity under its new name."""
        label = self.label or entity.label
        return Entity(entity_key(self.text), label, self.text, entity.mentions)


# Keyed by the name an entity is counted under; None hides the entity.
Table = Mapping[EntityName, Replacement | None]


@dataclass(frozen=True)
class Rules:
    """
    The rules of one version.

    `own`, by publication key, take precedence over `everywhere`, and these over `defaults`.
    """

    version: int = 0
    everywhere: Table = field(default_factory=dict)
    own: Mapping[str, Table] = field(default_factory=dict)
    defaults: Table = field(default_factory=dict)
    _tables: dict[str, Table] = field(default_factory=dict, compare=False, repr=False, init=False)
    _predecessors: dict[str, Mapping[str, frozenset[str]]] = field(
        default_factory=dict, compare=False, repr=False, init=False
    )

    def apply(self, post: PostEntities) -> PostEntities:
        """
        Return a post as it counts under these rules, whatever rules it counted under before.

        Where the rules change its entities, the post keeps the model's own in `found`. So an
        operator can take a rule back.
        """
        found = post.entities if post.found is None else post.found
        table = self.table(post.publication)
        counted = _merge_equal([e for e in (_follow_rules(e, table) for e in found) if e])
        fields = {"entities": counted, "found": None if counted == found else found}
        return post.model_copy(update={**fields, "rules": self.version})

    def revise(self, post: PostEntities) -> PostEntities:
        """Return a saved post under these rules: the same object if its entities stay the same."""
        revised = self.apply(post)
        return post if revised.entities == post.entities else revised

    def counted_as(self, entity: Entity, publication: str) -> Entity | None:
        """Return the entity that a model's own counts as; None if a rule hides it."""
        return _follow_rules(entity, self.table(publication))

    def predecessors(self, publication: str) -> Mapping[str, frozenset[str]]:
        """The ids of the entities that count under each entity of a publication, by its id."""
        key = publication_key(publication)
        key = key if key in self.own else ""
        if key not in self._predecessors:
            found: dict[str, set[str]] = defaultdict(set)
            table = self._table(key)
            for name in table:
                end = destination(table, name)
                if end and end != name:
                    found[entity_id(*end)].add(entity_id(*name))
            self._predecessors[key] = {id_: frozenset(own) for id_, own in found.items()}
        return self._predecessors[key]

    @cached_property
    def successors(self) -> Mapping[str, str]:
        """The ids of renamed entities, and those that they count under; of all publications."""
        found = {}
        for key in (*self.own, ""):
            table = self._table(key)
            for name in table:
                end = destination(table, name)
                if end and end != name:
                    found[entity_id(*name)] = entity_id(*end)
        return found

    def table(self, publication: str) -> Table:
        """Return the rules that hold in a publication."""
        return self._table(publication_key(publication))

    def _table(self, key: str) -> Table:
        key = key if key in self.own else ""
        if key not in self._tables:
            chosen = {**self.everywhere, **self.own.get(key, {})}
            self._tables[key] = {**_without_cycles(self.defaults, chosen), **chosen}
        return self._tables[key]


def _without_cycles(defaults: Table, chosen: Table) -> Table:
    """Return the defaults that do not lead back to themselves through an operator's rules."""
    table = {**defaults, **chosen}
    return {name: to for name, to in defaults.items() if not has_cycle(table, name)}


def has_cycle(table: Table, start: EntityName) -> bool:
    """Return whether the rules lead from a name back to itself through another one."""
    seen = [start]
    while replacement := table.get(seen[-1]):
        name = replacement.name(seen[-1])
        if name == seen[-1]:
            return False  # the rule changes only the shown text
        if name in seen:
            return True
        seen.append(name)
    return False


def destination(table: Table, start: EntityName) -> EntityName | None:
    """Return the name that another one counts as, itself without a rule; None if it is hidden."""
    seen: set[EntityName] = set()
    name = start
    while name in table and name not in seen:
        seen.add(name)
        replacement = table[name]
        if replacement is None:
            return None
        name = replacement.name(name)
    return name


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
