"""A process that asks for longer time slices has them, and keeps what else it had."""

import ctypes
import json
import os
import platform
import subprocess
import sys

import pytest

from ingest.process.time_slice import SCHED_SETATTR, SchedAttr, lengthen_time_slice

# Older kernels accept the call, and leave the slices as they are.
NEEDED_KERNEL = (6, 12)

LENGTHENED = """
import json, os
from ingest.process.time_slice import lengthen_time_slice
from tests.process.test_time_slice import scheduling
os.nice(3)
lengthen_time_slice(50)
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    print(json.dumps(scheduling()))
"""


def scheduling() -> tuple[int, int, int]:
    """Return the policy, the niceness and the time slice in nanoseconds that the kernel grants."""
    found = SchedAttr()
    number = SCHED_SETATTR[platform.machine()] + 1  # that of sched_getattr
    size = ctypes.sizeof(found)
    assert ctypes.CDLL(None).syscall(number, 0, ctypes.byref(found), size, 0) == 0
    return found.policy, found.nice, found.runtime


def test_a_child_has_the_longer_time_slice_of_its_parent() -> None:
    before = scheduling()
    command = [sys.executable, "-c", LENGTHENED]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    kernel = tuple(map(int, platform.release().split(".")[:2]))
    expected = 50_000_000 if kernel >= NEEDED_KERNEL else before[2]
    assert json.loads(printed) == [os.SCHED_OTHER, before[1] + 3, expected]
    assert scheduling() == before


def test_where_the_call_is_unknown_the_time_slice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    before = scheduling()
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    lengthen_time_slice(50)
    monkeypatch.undo()
    assert scheduling() == before
