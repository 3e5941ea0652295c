"""The short form of `make signals`: each kind of process and signal, on both brokers."""

import signal

import pytest

from ingest.devstack.stack import Stack
from ingest.store.firestore.store import FirestoreStore
from tests.harness.shutdown_matrix import Stop, Stopped
from tests.support import prepared

BACKLOG = 300
STOPS = (
    Stop("extract", "group", signal.SIGTERM),
    Stop("save", "parent", signal.SIGINT),
    Stop("web", "group", signal.SIGINT),
    Stop("extract", "parent", signal.SIGINT, times=2),
    Stop("honcho", "parent", signal.SIGTERM),
)


def test_a_stop_of_a_busy_process_loses_nothing(
    stack: Stack, firestore: FirestoreStore, request: pytest.FixtureRequest
) -> None:
    """All stops are of one stack, whose supervisors restart what a signal stopped."""
    stack.environment |= {"INGEST_VISIBILITY_SECONDS": "6", "INGEST_MERGE_SECONDS": "2"}
    stopped = Stopped(stack, prepared.prepare(stack), firestore, request.node.name)
    stopped.start()
    for stop in STOPS:
        row = stopped.stop(stop, BACKLOG)
        assert row.right, row
        assert row.saved_after == BACKLOG
    for publication in firestore.publications():
        assert not firestore.recount(publication.name).diff
