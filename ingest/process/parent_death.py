"""
Ending a process when its parent dies, even if a SIGKILL leaves the parent no time to clean up.

    python ingest/process/parent_death.py SIGTERM PARENT COMMAND [ARGUMENT ...]

runs the command, tied to its parent, whose pid is given. Python's `preexec_fn` would run the
libraries' own fork handlers too, and gRPC's can crash the child.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals, *, parent: int) -> None:
    """
    Ask the kernel to send this process a signal when its parent dies, by any cause.

    Args:
        parent: the parent's pid. The kernel says nothing of a parent that died before this call.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def tied_command(number: signal.Signals, command: Sequence[str]) -> list[str]:
    """Return a command that runs `command`, which gets a signal when its parent dies."""
    return [sys.executable, "-I", __file__, number.name, str(os.getpid()), *command]


if __name__ == "__main__":
    die_with_parent(signal.Signals[sys.argv[1]], parent=int(sys.argv[2]))
    # A parent that waits for its signals blocks them, and a child would inherit that.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execvp(sys.argv[3], sys.argv[3:])
