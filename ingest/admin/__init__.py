"""The admin pages of our models. Importing this package registers all of them."""

from ingest.admin import (
    accounts,
    aliases,
    api_keys,
    audit,
    dead_letters,
    default_names,
    groups,
    notification,
    patterns,
    store_runs,
)

__all__ = [
    "accounts",
    "aliases",
    "api_keys",
    "audit",
    "dead_letters",
    "default_names",
    "groups",
    "notification",
    "patterns",
    "store_runs",
]
