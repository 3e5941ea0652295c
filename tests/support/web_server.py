"""The web server alone, as `make run` starts it, on a running store and broker."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.devstack.ports import listens
from ingest.devstack.stack import Stack, wait_until
from ingest.process.parent_death import tied_command
from ingestsite import configuration
from tests.support import prepared
from tests.support.stores import project_settings

COMMAND = ["gunicorn", "--config", "python:ingestsite.webserver", "ingestsite.wsgi"]


@contextmanager
def website(folder: Path, project: str) -> Iterator[str]:
    """Run the web server on a project of the emulator while a block runs; yield its address."""
    settings = {
        **project_settings(project),
        "INGEST_BROKER_URL": configuration.BROKER_URL,
    }
    with serving(Stack(folder, settings)) as url:
        yield url


@contextmanager
def serving(stack: Stack) -> Iterator[str]:
    """Run only the web server of a stack while a block runs; yield its address."""
    prepared.migrate(stack)
    port = int(stack.url.rpartition(":")[2])
    with stack.log.open("wb") as log:
        server = subprocess.Popen(
            tied_command(signal.SIGTERM, COMMAND),
            cwd=configuration.ROOT,
            env=stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: listens(port), seconds=60, what="the web server listens")
        yield stack.url
    finally:
        server.terminate()
        server.wait(timeout=60)
