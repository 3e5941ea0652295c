"""A stack on each broker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.devstack.stack import Stack
from ingest.store.firestore.store import FirestoreStore
from tests.support.processes import end


@pytest.fixture(params=["embedded", "rabbitmq"])
def stack(
    request: pytest.FixtureRequest, tmp_path: Path, firestore: FirestoreStore
) -> Iterator[Stack]:
    """Return a stack on each broker, whose store is the test's own, and outlives it."""
    settings = {
        "FIRESTORE_EMULATOR_HOST": os.environ["FIRESTORE_EMULATOR_HOST"],
        "INGEST_FIRESTORE_PROJECT": firestore._client.project,
        "INGEST_EXTRACT_CONCURRENCY": "4",
    }
    if request.param == "rabbitmq":
        settings["INGEST_BROKER_URL"] = request.getfixturevalue("rabbitmq").new_host()
    stack = Stack(tmp_path, settings)
    yield stack
    # How a stack stops is tested where that is asked; after every test it would only take time.
    end(stack)
