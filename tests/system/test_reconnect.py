"""A worker that reconnects under a name which RabbitMQ still gives to its old connection."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kombu import Connection, Queue

from ingest.devstack.stack import Stack, wait_until
from ingest.process.parent_death import tied_command
from ingestsite import configuration
from tests.support import prepared

NAME = "save@here"


@pytest.mark.parametrize("fixture", ["rabbitmq", "rabbitmq_4"])
def test_it_waits_until_its_name_is_free(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Its queue for remote control is exclusive, and the refusal (405) once ended the worker."""
    url = request.getfixturevalue(fixture).new_host()
    stack = Stack(tmp_path, {"INGEST_BROKER_URL": url, "INGEST_STORE": "null"})
    prepared.migrate(stack)
    command = [sys.executable, "-m", "celery", "-A", "ingestsite", "worker", "-Q", "save"]
    with Connection(url) as old, stack.log.open("ab") as log:
        name = f"{NAME}.celery.pidbox"
        Queue(name, routing_key=name, exclusive=True, durable=False)(old.default_channel).declare()
        worker = subprocess.Popen(
            tied_command(signal.SIGTERM, [*command, "-n", NAME, "--concurrency", "1"]),
            cwd=configuration.ROOT,
            env={**os.environ, **stack.environment},
            stdout=log,
            stderr=log,
        )
        wait_until(lambda: said(stack, "RESOURCE_LOCKED"), seconds=90, what="it is refused")
        assert not said(stack, "ready.")
    wait_until(lambda: said(stack, "ready."), seconds=90, what="it is ready")
    assert worker.poll() is None
    worker.terminate()
    worker.wait(timeout=60)


def said(stack: Stack, words: str) -> bool:
    """Return whether the worker's log has these words."""
    return words in stack.log.read_text(errors="replace")
