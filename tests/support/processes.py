"""The processes of a stack."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from ingest.devstack.stack import Stack


def words(process: psutil.Process) -> str:
    """Return a process's command line, or an empty text if it has just ended."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def parent(process: psutil.Process) -> int:
    """Return the pid of a process's parent, or -1 if the process has just ended."""
    with suppress(psutil.NoSuchProcess):
        return process.ppid()
    return -1


def kill(process: psutil.Process) -> None:
    """Kill a process, unless its parent's death has already ended it."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def living(processes: Iterable[psutil.Process]) -> list[str]:
    """Return the command lines of those processes that have not ended; a zombie has."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(words(process))
    return found


def end(stack: Stack) -> None:
    """Kill every process of a stack, including those started meanwhile."""
    while found := processes(stack):
        for process in found:
            kill(process)
        psutil.wait_procs(found, timeout=10)
    stack.stop()  # waits for honcho


def processes(stack: Stack) -> list[psutil.Process]:
    """Return every process that has a stack's folder in its environment or works in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            known = process.environ().get("INGEST_STATE_DIR") == str(stack.folder)
            if known or Path(process.cwd()).is_relative_to(stack.folder):
                found.append(process)
    return found


def main_and_children(
    stack: Stack, command: str
) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Return the main processes whose command line has these words, and all their children."""
    found = [p for p in processes(stack) if command in words(p)]
    pids = {process.pid for process in found}
    children = [process for process in found if parent(process) in pids]
    return [process for process in found if process not in children], children
