"""The machines that `make hosts` uses can be cut off and killed, and leave nothing."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ingestsite.configuration import ROOT
from tests.support import network
from tests.support.processes import living

# It runs in a network of its own: one machine listens, and another connects to it.
CUT_AND_KILL = """
import json, os, sys
from pathlib import Path
from ingest.devstack.stack import wait_until
from tests.support.network import Network

LISTEN = "import socket; s = socket.create_server(('', 80)); [s.accept() for _ in iter(int, 1)]"
ASK = "import socket; print(socket.create_connection((ADDRESS, 80), timeout=5).getpeername()[0])"
NAME = "import socket; print(socket.gethostname())"

def reaches(one, other):
    code = ASK.replace("ADDRESS", repr(other.address))
    try:
        return one.run([sys.executable, "-c", code], os.environ).strip() == other.address
    except Exception:
        return False

said = {}
with Network(Path(sys.argv[1])) as network:
    one, other = network.machine("one"), network.machine("other")
    said["name"] = one.run([sys.executable, "-c", NAME], os.environ).strip()
    said["silent"] = reaches(one, other)
    other.start([sys.executable, "-c", LISTEN], os.environ)
    wait_until(lambda: reaches(one, other), seconds=60, what="other listens")
    other.cut()
    said["cut"] = reaches(one, other)
    other.restore()
    said["restored"] = reaches(one, other)
    said["processes"] = len(other.pids())
    other.lose_power()
    said["left"] = len(other.pids())
print(json.dumps(said))
"""

WAIT = """
import os, sys, time
from pathlib import Path
from tests.support.network import Network

with Network(Path(sys.argv[1])) as network:
    network.machine("one").start(["sleep", "1234567"], os.environ)
    print("started", flush=True)
    time.sleep(1000)
"""

APART = """
import sys
from pathlib import Path
from tests.support.network import run_apart

sys.exit(run_apart([sys.executable, "-c", sys.argv[1], sys.argv[2]], Path(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def allowed() -> None:
    """Fail with the reason where the kernel or the user allows no network."""
    assert not network.why_not()


def start_apart(code: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", APART, code, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_machine_can_be_cut_off_and_restored_and_lose_its_power(tmp_path: Path) -> None:
    printed, _ = start_apart(CUT_AND_KILL, tmp_path).communicate(timeout=120)
    assert json.loads(printed) == {
        "name": "one",
        "silent": False,
        "cut": False,
        "restored": True,
        "processes": 1,
        "left": 0,
    }


def test_the_network_is_hidden_and_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    process = start_apart(WAIT, tmp_path)
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    links = subprocess.check_output(["ip", "-brief", "link"], text=True)
    assert network.BRIDGE not in links.split(), "the machine's own network has the bridge"
    family = psutil.Process(process.pid).children(recursive=True)
    assert any("1234567" in child.cmdline() for child in family)
    process.terminate()
    assert process.wait(timeout=60) == 128 + 15
    assert not living(family)
    process.stdout.close()
