"""Servers on free ports, started once for all tests, and stores with nothing in them."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client as DjangoClient
from google.cloud.firestore_v1 import Client

from ingest.broker import connection
from ingest.operations import key_uses, publication_moves, rule_versions
from ingest.store import open_store_of
from ingest.store.base import Store
from ingest.store.firestore.store import FirestoreStore
from ingest.store.null import NullStore
from ingest.store.sql.store import SqlStore
from ingest.worker import steps
from tests.support import longest, servers
from tests.support.postgresql import PostgreSQL
from tests.support.postgresql import running as postgresql_running
from tests.support.rabbitmq import RabbitMQ, running
from tests.support.stores import firestore_of, new_project, sql_of_tests

# The fixtures that need the database of the counts.
COUNTS_FIXTURES = frozenset(("any_store", "store", "sql", "sql_store", "opened_store"))

# Examples are the same in each run, and none has a deadline.
hypothesis.settings.register_profile("ours", derandomize=True, deadline=None)
hypothesis.settings.load_profile("ours")


def pytest_configure() -> None:
    """Leave out work that takes long in all tests together, and that none of them looks at."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a quick one
    settings.WHITENOISE_AUTOREFRESH = True  # else each client reads every static file


def pytest_collection_finish() -> None:
    """Leave the modules and tests out of later garbage collections."""
    gc.collect()
    gc.freeze()


# After pytest-django's own hook, which sorts tests by their use of the database.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the tests of a store in SQL the database of the counts, and deal the longest tests."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = longest.deal(items, workers)
    for item in items:
        if COUNTS_FIXTURES & set(getattr(item, "fixturenames", ())):
            own = item.get_closest_marker("django_db")
            databases = ["default", settings.COUNTS_DATABASE]
            options = {**(own.kwargs if own else {}), "databases": databases}
            item.add_marker(pytest.mark.django_db(**options), append=False)


@pytest.fixture(scope="session")
def valkey() -> Iterator[None]:
    """Run the embedded broker."""
    with servers.valkey():
        yield


@pytest.fixture
def empty_broker(valkey: None) -> None:
    """Run the embedded broker, and empty it."""
    connection.redis_client().flushall()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Run RabbitMQ."""
    with running(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Run PostgreSQL."""
    with postgresql_running() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_4(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Run the newest RabbitMQ."""
    with running(tmp_path_factory.mktemp("rabbitmq-4"), newest=True) as node:
        yield node


@pytest.fixture(scope="session")
def emulator() -> Iterator[None]:
    """Run Google's Firestore emulator; a test without it fails and says what to install."""
    assert os.environ["FIRESTORE_EMULATOR_HOST"].startswith("127.0.0.1:")
    with servers.emulator():
        yield


@pytest.fixture
def firestore(emulator: None) -> FirestoreStore:
    """Return an empty Firestore store: each project is a database of its own."""
    return firestore_of(new_project())


@pytest.fixture
def firestore_client(firestore: FirestoreStore) -> Client:
    """Return Google's own client of the same database."""
    return firestore._client


@pytest.fixture(params=["null", "sql", "firestore"])
def any_store(request: pytest.FixtureRequest) -> Store:
    """Return each store in turn."""
    return _store(request)


@pytest.fixture(params=["sql", "firestore"])
def store(request: pytest.FixtureRequest) -> Store:
    """Return each store that keeps its posts."""
    return _store(request)


def _store(request: pytest.FixtureRequest) -> Store:
    if request.param == "null":
        return NullStore()
    real: Store = request.getfixturevalue("firestore" if request.param == "firestore" else "sql")
    return real


@pytest.fixture
def operator(db: None) -> DjangoClient:
    """Return a client that is logged in to the admin as a superuser."""
    client = DjangoClient()
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def forgotten_keys() -> None:
    """Forget API keys that earlier tests looked up."""
    caches["keys"].clear()
    key_uses.forget()


@pytest.fixture
def sql(db: None) -> SqlStore:
    """Return an empty store in SQL, in the tests' own database."""
    return sql_of_tests()


@pytest.fixture
def sql_store(settings: Any, db: None) -> Iterator[None]:
    """Use the store in SQL in this process."""
    settings.STORE = "sql"
    open_store_of.forget()
    yield
    open_store_of.forget()


@pytest.fixture(params=["sql", "firestore"])
def opened_store(request: pytest.FixtureRequest, settings: Any, db: None) -> Iterator[None]:
    """Use each store that keeps its posts in this process, empty."""
    settings.STORE = request.param
    if request.param == "firestore":
        request.getfixturevalue("emulator")
        kind, options = settings.STORES["firestore"]
        own = (kind, {**options, "project": new_project(), "ramp_writes": 0})
        settings.STORES = {**settings.STORES, "firestore": own}
    open_store_of.forget()
    yield
    open_store_of.forget()


@pytest.fixture(autouse=True)
def forgotten_strangers() -> None:
    """Forget how often strangers asked in earlier tests."""
    caches["strangers"].clear()


@pytest.fixture(autouse=True)
def forgotten_rules() -> None:
    """Forget what the workers know of an earlier test's database."""
    rule_versions.forget()
    publication_moves.forget()
    steps.there_are_dead_letters.forget()
