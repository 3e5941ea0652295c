"""Addresses of names that an alias has merged into another name."""

from ingest.operations.rule_versions import known_rules
from ingest.store.base import StoreReader


def successor_of(entity_id: str) -> str | None:
    """Return the id that an entity counts under now, if an alias renames it."""
    return known_rules().successors.get(entity_id)


def present_id(store: StoreReader, entity_id: str) -> str:
    """Return an entity's id, or the id that it counts under now if nothing counts under it."""
    if store.entity_everywhere(entity_id, limit=1):
        return entity_id
    return successor_of(entity_id) or entity_id
