"""How long a step may take."""

import subprocess
import sys
import time

import pytest

from ingest.process.time_limit import TimeLimitExceeded, time_limit


def spin(*, seconds: float) -> None:
    """Keep the processor busy, in Python."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass


def test_what_runs_too_long_is_interrupted() -> None:
    with pytest.raises(TimeLimitExceeded), time_limit(0.05):
        spin(seconds=10)


def test_what_is_in_time_is_left_alone() -> None:
    with time_limit(0.05):
        pass
    spin(seconds=0.2)


def test_a_loop_in_c_ends_its_process() -> None:
    """A call that never comes back to Python cannot be interrupted, only ended."""
    code = """
import collections, itertools
from ingest.process.time_limit import time_limit
with time_limit(0.1):
    collections.deque(itertools.repeat(0), maxlen=0)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
