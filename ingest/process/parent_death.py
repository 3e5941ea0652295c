"""
A tie between a process and the one that started it, for when nobody can clean up.

    python ingest/process/parent_death.py SIGTERM COMMAND [ARGUMENT ...]

becomes the command, tied. Python's own way to do something between a fork and a command runs what
libraries want done after a fork, and gRPC's threads can end the child there.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent dies, however that happens."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def tied_command(number: signal.Signals, command: Sequence[str]) -> list[str]:
    """Return a command that runs another, which gets a signal when whoever started it dies."""
    return [sys.executable, "-I", __file__, number.name, *command]


if __name__ == "__main__":
    die_with_parent(signal.Signals[sys.argv[1]])
    os.execvp(sys.argv[2], sys.argv[2:])
