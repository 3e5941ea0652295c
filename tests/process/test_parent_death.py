"""A process ends with its parent, also with one that died before."""

import os
import signal
import subprocess
import sys

from ingest.process import parent_death

TIED = [sys.executable, "-I", parent_death.__file__, "SIGKILL"]
COMMAND = [sys.executable, "-c", "print('alive')"]


def run(parent: int) -> "subprocess.CompletedProcess[str]":
    """Run a command that is tied to a parent."""
    return subprocess.run(
        [*TIED, str(parent), *COMMAND], check=False, capture_output=True, text=True, timeout=60
    )


def test_a_process_whose_parent_lives_runs() -> None:
    assert run(os.getpid()).stdout == "alive\n"


def test_a_process_whose_parent_died_before_it_was_tied_ends() -> None:
    """The kernel sends no signal for a death that came first, so such a process once stayed."""
    done = run(os.getppid())
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")
