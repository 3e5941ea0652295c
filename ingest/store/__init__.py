"""The door to the counts: `open_store` opens the store that the settings name."""

from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from ingest.store.base import Store


@cache
def open_store() -> Store:
    """Open this process's store: never before a fork, since a client's threads stay behind."""
    options: dict[str, Any] = settings.STORE_OPTIONS
    store: Store = import_string(settings.STORE)(**options)
    return store
