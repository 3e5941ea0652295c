"""The project's own servers, run on a port while a block runs."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from ingest.devstack.ports import listens
from ingest.devstack.stack import wait_until
from ingest.process.parent_death import tied_command
from tests import environment


def emulator() -> AbstractContextManager[None]:
    """Run Google's Firestore emulator on the tests' port while a block runs."""
    return server("ingest.devstack.firestore_emulator", environment.FIRESTORE_PORT)


def valkey() -> AbstractContextManager[None]:
    """Run the embedded broker on the tests' port while a block runs."""
    return server("ingest.devstack.valkey", environment.BROKER_PORT)


@contextmanager
def server(module: str, port: int, variables: Mapping[str, str] | None = None) -> Iterator[None]:
    """
    Run one of the project's servers, and stop it by its pid after the block.

    Args:
        variables: its whole environment; None is that of this process.
    """
    process = subprocess.Popen(
        tied_command(signal.SIGTERM, [sys.executable, "-m", module]),
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(process, port), seconds=60, what=f"{module} listens")
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None, "the server has ended; run it by hand to see why"
    return listens(port)
