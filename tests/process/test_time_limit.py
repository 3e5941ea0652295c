"""The time limit of a step."""

import faulthandler
import signal
import subprocess
import sys
import time
from unittest.mock import Mock

import pytest

from ingest.process.time_limit import TimeLimitExceeded, time_limit


def spin(*, seconds: float) -> None:
    """Keep the processor busy, in Python."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass


def test_a_block_that_runs_too_long_is_interrupted() -> None:
    with pytest.raises(TimeLimitExceeded), time_limit(0.05):
        spin(seconds=10)


def test_a_block_within_its_limit_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = Mock(wraps=faulthandler.cancel_dump_traceback_later)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", cancel)
    with time_limit(60):  # far more than a busy machine needs for nothing
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        cancel.assert_not_called()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    cancel.assert_called_once()


def test_a_loop_in_c_ends_its_process() -> None:
    """Python cannot interrupt a C call that never returns, so the process ends."""
    code = """
import collections, itertools
from ingest.process.time_limit import time_limit
with time_limit(0.1):
    collections.deque(itertools.repeat(0), maxlen=0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Timeout" in done.stderr
