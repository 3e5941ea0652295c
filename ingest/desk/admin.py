"""What Django finds: everything that the desk shows."""

from ingest.desk import accounts, aliases, keys, letters, patterns, trail

__all__ = ["accounts", "aliases", "keys", "letters", "patterns", "trail"]
