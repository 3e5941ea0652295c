"""The processes of a stack."""

from contextlib import suppress
from pathlib import Path

import psutil

from ingest.devstack.stack import Stack


def words(process: psutil.Process) -> str:
    """Return a process's command line; of one that has just ended, nothing."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def parent(process: psutil.Process) -> int:
    """Return the pid of a process's parent; of one that has just ended, none that there is."""
    with suppress(psutil.NoSuchProcess):
        return process.ppid()
    return -1


def kill(process: psutil.Process) -> None:
    """Kill a process, if its parent's death has not done so already."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def end(stack: Stack) -> None:
    """Kill every process of a stack, and those that are started meanwhile."""
    while found := processes(stack):
        for process in found:
            kill(process)
        psutil.wait_procs(found, timeout=10)
    stack.stop()  # what is left is to be waited for


def processes(stack: Stack) -> list[psutil.Process]:
    """Return every process of a stack: all that know its folder, or work in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            known = process.environ().get("INGEST_STATE_DIR") == str(stack.folder)
            if known or Path(process.cwd()).is_relative_to(stack.folder):
                found.append(process)
    return found
