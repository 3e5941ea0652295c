"""The health check of a container."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.process.alive import MAX_AGE_SECONDS, is_alive


@pytest.mark.parametrize(("age", "alive"), [(0, True), (MAX_AGE_SECONDS + 1, False)])
def test_a_worker_is_alive_while_it_touches_its_file(
    tmp_path: Path, age: float, alive: bool
) -> None:
    file = tmp_path / "heartbeat-extract"
    assert is_alive(str(file))  # it has not begun, or waits for its broker
    file.touch()
    os.utime(file, (time.time() - age,) * 2)
    assert is_alive(str(file)) is alive


def test_a_server_that_does_not_answer_is_not_alive() -> None:
    command = [sys.executable, "-m", "ingest.process.alive", "http://127.0.0.1:1/livez"]
    assert subprocess.run(command, check=False).returncode == 1
