"""The short form of the stops under load: each kind of process, each signal, on both brokers."""

import signal

import pytest

from ingest.devstack.stack import Stack
from ingest.store.firestore.store import FirestoreStore
from tests.harness.shutdown_matrix import Stop, Stopped

BACKLOG = 300
STOPS = (
    Stop("extract", "group", signal.SIGTERM),
    Stop("save", "parent", signal.SIGINT),
    Stop("web", "group", signal.SIGINT),
    Stop("extract", "parent", signal.SIGINT, times=2),
    Stop("honcho", "parent", signal.SIGTERM),
)


def test_a_stop_of_what_is_busy_loses_nothing(
    stack: Stack, firestore: FirestoreStore, request: pytest.FixtureRequest
) -> None:
    """Every stop is one of the same stack, whose holders start again what was stopped."""
    stack.environment |= {"INGEST_VISIBILITY_SECONDS": "15", "INGEST_MERGE_SECONDS": "5"}
    stopped = Stopped(stack, stack.prepare(), firestore, request.node.name)
    stopped.start()
    for stop in STOPS:
        row = stopped.stop(stop, BACKLOG)
        assert row.right, row
        assert row.saved_after == BACKLOG
    for publication in firestore.publications():
        assert not firestore.recount(publication.name).diff
