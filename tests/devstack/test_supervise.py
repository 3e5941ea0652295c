"""A supervisor starts, restarts and stops a command of the Procfile."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ingest.devstack.stack import wait_until


class Supervised:
    """A supervised service whose command writes its pid to a file."""

    def __init__(self, folder: Path, then: str) -> None:
        self._pids = folder / "pids"
        self._pids.touch()
        code = f"""
import os, signal, sys
with open({str(self._pids)!r}, "a") as pids:
    print(os.getpid(), file=pids)
{then}
"""
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ingest.devstack.supervise",
                "service",
                "--",
                sys.executable,
                "-c",
                code,
            ],
            env={**os.environ, "INGEST_STATE_DIR": str(folder)},
        )

    @property
    def pids(self) -> list[int]:
        """The pids of the command, one of each start."""
        return [int(line) for line in self._pids.read_text().split()]

    def await_start(self, number: int) -> psutil.Process:
        """Wait for a start of the command, and return its process."""
        wait_until(lambda: len(self.pids) >= number, seconds=30, what=f"start {number}")
        return psutil.Process(self.pids[-1])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Supervised]:
    """Return a supervised command that waits for a signal."""
    service = Supervised(tmp_path, "signal.pause()")
    yield service
    service.process.kill()
    service.process.wait()


def test_a_command_that_dies_is_restarted(service: Supervised) -> None:
    service.await_start(1).kill()
    service.await_start(2).kill()
    assert service.await_start(3).is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_command_and_then_its_supervisor(
    service: Supervised, number: signal.Signals
) -> None:
    command = service.await_start(1)
    service.process.send_signal(number)
    service.process.wait(timeout=30)
    assert not command.is_running()
    assert len(service.pids) == 1


def test_a_command_has_another_process_group_than_its_supervisor(service: Supervised) -> None:
    command = service.await_start(1)
    assert os.getpgid(command.pid) != os.getpgid(service.process.pid)


def test_a_command_ends_when_its_supervisor_is_killed(service: Supervised) -> None:
    command = service.await_start(1)
    service.process.kill()
    command.wait(timeout=30)


def test_a_command_that_cannot_run_here_is_not_restarted(tmp_path: Path) -> None:
    service = Supervised(tmp_path, "sys.exit(os.EX_CONFIG)")
    assert service.process.wait(timeout=30) == os.EX_CONFIG
    assert len(service.pids) == 1


@pytest.mark.parametrize(
    ("environment", "word"),
    [({"INGEST_EMULATOR_JAR": "/nowhere/emulator.jar"}, "gcloud"), ({"PATH": "/nowhere"}, "Java")],
)
def test_what_the_emulator_lacks_is_named_in_one_sentence(
    environment: dict[str, str], word: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ingest.devstack.firestore_emulator"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == os.EX_CONFIG
    assert word in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
