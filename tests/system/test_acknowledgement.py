"""A worker acknowledges a message only when its post is counted or a dead letter."""

from pathlib import Path

import psutil
import pytest

from ingest.devstack.stack import Stack, wait_until
from tests.support import faulty_model, prepared
from tests.support.processes import main_and_children

TERMINATE = """
from celery import current_app
active = current_app.control.inspect().active() or {}
ids = [request["id"] for requests in active.values() for request in requests]
current_app.control.revoke(ids, terminate=True, reply=True)
print("terminated", len(ids))
"""


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
def test_a_revoked_task_whose_child_is_killed_runs_again(stack: Stack, tmp_path: Path) -> None:
    """Celery itself does both to its children after it loses its connection to the broker."""
    stack.environment |= faulty_model.settings(tmp_path / "bombs") | {
        "INGEST_EXTRACT_CONCURRENCY": "1",
        "INGEST_EXTRACT_SECONDS": "4",
    }
    client = prepared.prepare(stack)
    stack.start()
    client.submit([{"publication": "The Gazette", "content": f"{faulty_model.SPIN} Oslo."}])

    def terminates() -> bool:
        return "terminated 1" in stack.manage("shell", "-c", TERMINATE)

    wait_until(terminates, seconds=60, what="the post is in progress, and its task is revoked")
    child(stack).kill()
    wait_until(
        lambda: client.status()["dead_letters"] == 1, seconds=60, what="the post is a dead letter"
    )


def child(stack: Stack) -> psutil.Process:
    """Return the only child of the extract worker."""
    _, (found,) = main_and_children(stack, "-Q extract")
    return found
