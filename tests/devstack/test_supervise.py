"""How a command of the Procfile is held, started again, and stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ingest.devstack.stack import wait_until


class Held:
    """A held service whose command leaves its pid in a file."""

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
        """The pids of the command, one for each start."""
        return [int(line) for line in self._pids.read_text().split()]

    def await_start(self, number: int) -> psutil.Process:
        """Wait until the command was started so often, and return it."""
        wait_until(lambda: len(self.pids) >= number, seconds=30, what=f"start {number}")
        return psutil.Process(self.pids[-1])


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    """Return a held command that waits for a signal."""
    held = Held(tmp_path, "signal.pause()")
    yield held
    held.process.kill()
    held.process.wait()


def test_a_command_that_dies_is_started_again(held: Held) -> None:
    held.await_start(1).kill()
    held.await_start(2).kill()
    assert held.await_start(3).is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_command_and_then_its_holder(held: Held, number: signal.Signals) -> None:
    command = held.await_start(1)
    held.process.send_signal(number)
    held.process.wait(timeout=30)
    assert not command.is_running()
    assert len(held.pids) == 1


def test_a_command_is_out_of_reach_of_its_holder_s_group(held: Held) -> None:
    command = held.await_start(1)
    assert os.getpgid(command.pid) != os.getpgid(held.process.pid)


def test_a_command_ends_when_its_holder_is_killed(held: Held) -> None:
    command = held.await_start(1)
    held.process.kill()
    command.wait(timeout=30)


def test_a_command_that_can_never_run_here_is_not_started_again(tmp_path: Path) -> None:
    held = Held(tmp_path, "sys.exit(os.EX_CONFIG)")
    assert held.process.wait(timeout=30) == os.EX_CONFIG
    assert len(held.pids) == 1


@pytest.mark.parametrize(
    ("environment", "word"),
    [({"INGEST_EMULATOR_JAR": "/nowhere/emulator.jar"}, "gcloud"), ({"PATH": "/nowhere"}, "Java")],
)
def test_what_the_emulator_lacks_is_said_in_one_sentence(
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
