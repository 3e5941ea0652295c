"""Django's admin of our rows; importing this package registers each of its modules."""

from ingest.admin import accounts, aliases, api_keys, audit, dead_letters, patterns

__all__ = ["accounts", "aliases", "api_keys", "audit", "dead_letters", "patterns"]
