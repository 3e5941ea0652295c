"""
Whether a process of ours is alive: the health check of a container.

    python -m ingest.process.alive /var/lib/ingest/heartbeat-extract
    python -m ingest.process.alive http://127.0.0.1:8400/livez

A worker touches its file while it reads messages, and deletes it while it waits for its broker.
So an old file means a process that hangs. A missing file means no harm: the engine sees a death.
"""

import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

BEAT_SECONDS = 10  # between two touches
MAX_AGE_SECONDS = 120  # of the file, on a machine that is busy
TIMEOUT_SECONDS = 5  # for the answer of a web server


def is_alive(name: str) -> bool:
    """Return whether a URL answers, or the file of a worker is fresh or missing."""
    if name.startswith("http://"):
        return _answers(name)
    try:
        return time.time() - Path(name).stat().st_mtime < MAX_AGE_SECONDS
    except FileNotFoundError:
        return True


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS):  # noqa: S310  (the caller chose http)
            return True
    except (URLError, TimeoutError):
        return False


if __name__ == "__main__":
    sys.exit(not is_alive(sys.argv[1]))
