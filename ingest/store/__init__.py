"""The door to the counts: `open_store` opens the store that the settings name."""

from collections.abc import Collection

from django.conf import settings
from django.utils.module_loading import import_string

from ingest.process.once import once
from ingest.store.base import Store, StoreReader
from ingest.store.limited import LimitedReader


def open_store() -> Store:
    """Open this process's store: never before a fork, since a client's threads stay behind."""
    return open_store_of(settings.STORE)


def open_reader(publications: Collection[str]) -> StoreReader:
    """Open this process's store to read these publications only; none names all of them."""
    return LimitedReader(open_store(), publications) if publications else open_store()


@once
def open_store_of(name: str) -> Store:
    """Open the store of a name, such as `sql`, once in this process."""
    path, options = settings.STORES[name]
    store: Store = import_string(path)(**options)
    return store
