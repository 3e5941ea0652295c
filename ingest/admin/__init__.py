"""The admin pages of our models. Importing this package registers all of them."""

from ingest.admin import accounts, aliases, api_keys, audit, dead_letters, patterns

__all__ = ["accounts", "aliases", "api_keys", "audit", "dead_letters", "patterns"]
