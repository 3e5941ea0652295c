"""The processes of a stack."""

from contextlib import suppress
from pathlib import Path

import psutil

from ingest.stack.running import Stack


def processes(stack: Stack) -> list[psutil.Process]:
    """Return every process of a stack: all that know its folder, or work in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            known = process.environ().get("INGEST_STATE_DIR") == str(stack.folder)
            if known or Path(process.cwd()).is_relative_to(stack.folder):
                found.append(process)
    return found
