"""One stack runs in a state folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.devstack import state_lock

FACTS = {"pages": "http://127.0.0.1:8400/", "ports": {"WEB": 8400}}
HOLD = """
import subprocess, sys
from pathlib import Path
from ingest.devstack import state_lock
facts = {"pages": "http://127.0.0.1:1/", "ports": {"WEB": 1}}
with state_lock.locked(Path(sys.argv[1]), facts) as lock:
    child = subprocess.Popen(["sleep", "600"], pass_fds=[lock])
    print(child.pid, flush=True)
    child.wait()
"""


def test_a_second_stack_is_refused_and_told_what_runs(tmp_path: Path) -> None:
    with (
        state_lock.locked(tmp_path, FACTS),
        pytest.raises(state_lock.FolderInUse) as refusal,
        state_lock.locked(tmp_path, FACTS),
    ):
        pass
    pid = os.getpid()
    for words in (str(tmp_path), f"process {pid}", "http://127.0.0.1:8400/", "WEB 8400"):
        assert words in str(refusal.value)
    with state_lock.locked(tmp_path, FACTS):
        assert state_lock.read(tmp_path)["ports"] == FACTS["ports"]


def test_a_start_waits_for_what_a_killed_stack_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        left = int(holder.stdout.readline())
        holder.kill()
        holder.wait()
    end = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill {left}"])
    with state_lock.locked(tmp_path, FACTS):
        pass
    assert end.wait() == 0
    assert f"Waiting for the end of the stack of process {holder.pid}" in capsys.readouterr().out
