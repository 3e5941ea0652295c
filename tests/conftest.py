"""The servers that tests need, started once on free ports, and stopped by pid."""

import os
import uuid
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client as DjangoClient
from google.cloud.firestore_v1 import Client

from ingest.broker import connection
from ingest.operations import rule_versions
from ingest.store import open_store
from ingest.store.base import Store
from ingest.store.firestore.store import FirestoreStore
from ingest.store.memory import MemoryStore
from ingest.store.null import NullStore
from tests import environment
from tests.support.rabbitmq import RabbitMQ, install
from tests.support.servers import server
from tests.support.stores import firestore_of

# Examples are the same each time, and none is against the clock.
hypothesis.settings.register_profile("ours", derandomize=True, deadline=None)
hypothesis.settings.load_profile("ours")


@pytest.fixture(scope="session")
def valkey() -> Iterator[None]:
    """Run the embedded broker."""
    with server("ingest.devstack.valkey", environment.BROKER_PORT):
        yield


@pytest.fixture
def empty_broker(valkey: None) -> None:
    """Run the embedded broker, with nothing in it."""
    connection.redis_client().flushall()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Run RabbitMQ; where it is missing and may be installed, install it."""
    install()
    node = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def emulator() -> Iterator[None]:
    """Run Google's Firestore emulator; without it the tests fail, and say what to install."""
    assert os.environ["FIRESTORE_EMULATOR_HOST"].startswith("127.0.0.1:")
    with server("ingest.devstack.firestore_emulator", environment.FIRESTORE_PORT):
        yield


@pytest.fixture
def firestore(emulator: None) -> FirestoreStore:
    """Return a Firestore store with nothing in it: each project is a database of its own."""
    return firestore_of(f"demo-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def firestore_client(firestore: FirestoreStore) -> Client:
    """Return Google's own client of the same database."""
    return firestore._client


@pytest.fixture(params=["null", "memory", "firestore"])
def any_store(request: pytest.FixtureRequest) -> Store:
    """Return each store in turn."""
    return _store(request)


@pytest.fixture(params=["memory", "firestore"])
def store(request: pytest.FixtureRequest) -> Store:
    """Return each store that keeps what it is given."""
    return _store(request)


def _store(request: pytest.FixtureRequest) -> Store:
    if request.param == "firestore":
        real: FirestoreStore = request.getfixturevalue("firestore")
        return real
    return NullStore() if request.param == "null" else MemoryStore()


@pytest.fixture
def operator(db: None) -> DjangoClient:
    """Return a client that is logged in to the admin as a superuser."""
    client = DjangoClient()
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def forgotten_keys() -> None:
    """Forget keys that earlier tests looked up."""
    cache.clear()


@pytest.fixture
def memory_store(settings: Any) -> Iterator[None]:
    """Make the process's store one in memory."""
    settings.STORE = "ingest.store.memory.MemoryStore"
    settings.STORE_OPTIONS = {}
    open_store.cache_clear()
    yield
    open_store.cache_clear()


@pytest.fixture(autouse=True)
def no_known_rules() -> None:
    """Let no test know the rules of another's database."""
    rule_versions.forget()
