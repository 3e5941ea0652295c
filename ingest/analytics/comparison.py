"""Two publications side by side."""

from dataclasses import dataclass

from ingest.store.base import Cursor, EntityFilter, Publication, StoredEntity, StoreReader

# We look up this many top entities of each publication in the other one.
COMPARED_ENTITIES = 200


@dataclass(frozen=True)
class ComparedRow:
    """One entity in both publications; None in one that never mentions it."""

    first: StoredEntity | None
    second: StoredEntity | None

    @property
    def entity(self) -> StoredEntity:
        """The entity, as one of the two has it."""
        found = self.first or self.second
        assert found
        return found


@dataclass(frozen=True)
class Comparison:
    """The comparison of two publications; each list has the most mentioned first."""

    first: Publication
    second: Publication
    only_first: list[ComparedRow]
    only_second: list[ComparedRow]
    both: list[ComparedRow]


def compare(
    store: StoreReader, first: Publication, second: Publication, *, family: str | None = None
) -> Comparison:
    """Compare the top entities of two publications, each looked up in the other."""
    wanted = EntityFilter[Cursor](limit=COMPARED_ENTITIES, family=family)
    of_first = _by_id(store.entities(first.name, wanted))
    of_second = _by_id(store.entities(second.name, wanted))
    missing_first = store.entities_by_id(first.name, of_second.keys() - of_first.keys())
    missing_second = store.entities_by_id(second.name, of_first.keys() - of_second.keys())
    rows = _rows(of_first | _by_id(missing_first), of_second | _by_id(missing_second))
    return Comparison(
        first,
        second,
        only_first=[row for row in rows if row.second is None],
        only_second=[row for row in rows if row.first is None],
        both=[row for row in rows if row.first and row.second],
    )


def _by_id(entities: list[StoredEntity]) -> dict[str, StoredEntity]:
    return {entity.id: entity for entity in entities if entity.mentions}


def _rows(first: dict[str, StoredEntity], second: dict[str, StoredEntity]) -> list[ComparedRow]:
    rows = [ComparedRow(first.get(i), second.get(i)) for i in first.keys() | second.keys()]
    return sorted(rows, key=lambda row: (-_mentions(row), row.entity.key, row.entity.id))


def _mentions(row: ComparedRow) -> int:
    return sum(entity.mentions for entity in (row.first, row.second) if entity)
