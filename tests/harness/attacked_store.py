"""The store of a run that is attacked: its settings, what strikes it, and how a judge reads it."""

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

from ingest.devstack.ports import listens
from ingest.devstack.stack import Stack
from ingest.store.base import Store
from tests import environment
from tests.support import postgresql, servers
from tests.support.postgresql import PostgreSQL
from tests.support.stores import firestore_of, new_project, project_settings, sql_of
from tests.support.tcp_proxy import Line

STORES = ("firestore", "sqlite", "postgresql")


class AttackedStore(ABC):
    """A store of a stack, and the ways to disturb it."""

    answers_lost = 0

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """Return the settings of the stack."""

    @abstractmethod
    def strikes(self, outage: float) -> dict[str, Callable[[], None]]:
        """Return every kind of strike by its name; an outage lasts so many seconds."""

    @abstractmethod
    def open(self, stack: Stack) -> AbstractContextManager[Store]:
        """Open the store for a judge, past everything that disturbs it."""


class BehindLine(AttackedStore):
    """A store on a server, which a stack reaches through a line that can be cut."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def answers_lost(self) -> int:  # type: ignore[override]
        """Return how many answers never reached the stack."""
        return self._line.answers_lost

    def strikes(self, outage: float) -> dict[str, Callable[[], None]]:
        return {
            "cut the line to the store": lambda: self._cut(outage),
            "lose an answer of the store": self._line.lose_next_answer,
        }

    def _cut(self, seconds: float) -> None:
        self._line.cut()
        time.sleep(seconds)  # the outage itself: its length is the point
        self._line.restore()


class Firestore(BehindLine):
    """A project of the emulator."""

    def __init__(self) -> None:
        super().__init__(Line(environment.FIRESTORE_PORT))
        self._project = new_project()

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            **project_settings(self._project, port=self._line.port),
            "INGEST_STORE": "firestore",
            "INGEST_STORE_SECONDS": "5",
        }

    def open(self, stack: Stack) -> AbstractContextManager[Store]:
        return nullcontext(firestore_of(self._project))


class SqlOnPostgreSQL(BehindLine):
    """A database of a server; the stack keeps everything else there too."""

    def __init__(self, server: PostgreSQL) -> None:
        super().__init__(Line(server.port, commit=b"COMMIT"))
        self._url = server.new_database()
        self._server = server

    @property
    def settings(self) -> Mapping[str, str]:
        url = self._url.replace(f":{self._server.port}/", f":{self._line.port}/")
        return {"INGEST_STORE": "sql", "INGEST_DATABASE_URL": url}

    def open(self, stack: Stack) -> AbstractContextManager[Store]:
        return sql_of(stack.folder, url=self._url)


class SqlOnSQLite(AttackedStore):
    """A file in the folder of the stack."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def settings(self) -> Mapping[str, str]:
        return {"INGEST_STORE": "sql"}

    def strikes(self, outage: float) -> dict[str, Callable[[], None]]:
        return {"lock the store": lambda: self._lock(outage)}

    def open(self, stack: Stack) -> AbstractContextManager[Store]:
        return sql_of(stack.folder)

    def _lock(self, seconds: float) -> None:
        file = self._folder / "counts.sqlite3"
        with closing(sqlite3.connect(file, isolation_level=None, timeout=60)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)  # the outage itself: its length is the point


@contextmanager
def attacked_store(name: str, folder: Path) -> Iterator[AttackedStore]:
    """Run the server of a store while a block runs, if it needs one."""
    if name == "firestore":
        # Under pytest it runs already, for the tests of a process.
        is_running = listens(environment.FIRESTORE_PORT)
        with nullcontext() if is_running else servers.emulator():
            yield Firestore()
    elif name == "postgresql":
        with postgresql.running() as server:
            yield SqlOnPostgreSQL(server)
    else:
        yield SqlOnSQLite(folder)
