"""A stack on each broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.devstack.stack import Stack
from ingest.store.firestore.store import FirestoreStore
from tests.support.processes import end
from tests.support.stores import project_settings


@pytest.fixture(params=["embedded", "rabbitmq"])
def stack(
    request: pytest.FixtureRequest, tmp_path: Path, firestore: FirestoreStore
) -> Iterator[Stack]:
    """
    Return a stack on each broker, whose store is the test's own and outlives the stack.

    A test may ask for the newest RabbitMQ, `rabbitmq_4`, too.
    """
    settings = {
        **project_settings(firestore._client.project),
        "INGEST_EXTRACT_CONCURRENCY": "4",
    }
    if request.param.startswith("rabbitmq"):
        settings["INGEST_BROKER_URL"] = request.getfixturevalue(request.param).new_host()
    stack = Stack(tmp_path, settings)
    yield stack
    # Killing is faster than stopping, which has tests of its own.
    end(stack)
