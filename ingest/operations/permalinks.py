"""Addresses of names that an alias has merged into another name."""

from ingest.operations.rule_versions import known_rules


def successor_of(entity_id: str) -> str | None:
    """Return the id that an entity counts under now, if an alias renames it."""
    return known_rules().successors.get(entity_id)
