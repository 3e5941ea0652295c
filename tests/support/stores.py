"""Stores for one test, the settings that name them, and their counts."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test import override_settings
from psycopg.conninfo import conninfo_to_dict

from ingest.store import open_store_of
from ingest.store.base import EntityFilter, Store
from ingest.store.firestore import schema
from ingest.store.firestore.commit import Commit
from ingest.store.firestore.store import FirestoreStore
from ingestsite import configuration
from ingestsite.settings import LIBPQ_NAMES, POSTGRESQL, SQLITE_COUNTS
from tests import environment

if TYPE_CHECKING:
    from ingest.store.sql.store import SqlStore


def new_project() -> str:
    """Return the name of a project that nothing else uses: each is a database of its own."""
    return f"demo-{uuid.uuid4().hex[:12]}"


def project_settings(project: str, *, port: int = environment.FIRESTORE_PORT) -> dict[str, str]:
    """Return the settings of a stack whose store is a project of the tests' emulator."""
    return {
        "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{port}",
        "INGEST_FIRESTORE_PROJECT": project,
    }


def firestore_of(project: str) -> FirestoreStore:
    """Open the database of a project, which is empty at first."""
    return FirestoreStore(
        project=project,
        database="(default)",
        keep_content=True,
        commit_posts=configuration.COMMIT_POSTS,
        commit_writes=configuration.COMMIT_WRITES,
        commit_seconds=0,
        ramp_writes=0,
        timeout=60,  # seconds, because a machine that runs a kill test is slow
    )


def is_of_names(commit: Commit) -> bool:
    """Return whether a commit writes names only, as one before each commit of posts does."""
    beginning = f"{commit._database.name}/documents/{schema.NAMES}/"
    return all(write.update.name.startswith(beginning) for write in commit._request.writes)


def sql_of_tests() -> "SqlStore":
    """Open the store in SQL in the tests' database."""
    from ingest.store.sql.store import SqlStore  # its models need django.setup()

    return SqlStore(keep_content=True, commit_posts=configuration.COMMIT_POSTS)


@contextmanager
def sql_of(folder: Path, *, url: str = "") -> Iterator["SqlStore"]:
    """Open the store in SQL of a stack in place of our own, by its folder or its database's URL."""
    parameters = conninfo_to_dict(url)
    own: dict[str, Any] = (
        POSTGRESQL | {name: parameters.get(libpq, "") for libpq, name in LIBPQ_NAMES.items()}
        if url
        else SQLITE_COUNTS | {"NAME": folder / "counts.sqlite3"}
    )
    alias = uuid.uuid4().hex
    connections.databases[alias] = connections.configure_settings({"default": own})["default"]
    with override_settings(COUNTS_DATABASE=alias):
        yield sql_of_tests()
    connections[alias].close()
    del connections.databases[alias]


@contextmanager
def unavailable_firestore(settings: Any, *, timeout: float) -> Iterator[None]:
    """Use a Firestore store that accepts connections and never answers; a time limit in seconds."""
    options = {
        "project": "demo-unavailable",
        "database": "(default)",
        "keep_content": True,
        "commit_posts": 1,
        "commit_writes": 1,
        "commit_seconds": 0,
        "ramp_writes": 0,
        "timeout": timeout,
    }
    settings.STORE = "firestore"
    settings.STORES = {"firestore": (settings.STORES["firestore"][0], options)}
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{silent.getsockname()[1]}")
        open_store_of.forget()
        yield
        open_store_of.forget()


def mentions(store: Store, name: str) -> dict[str, tuple[int, int]]:
    """Return the mentions and posts of each entity of a publication, by its key."""
    return {e.key: (e.mentions, e.posts) for e in store.entities(name, EntityFilter(limit=1000))}
