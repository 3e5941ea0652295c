"""Machines for tests: network namespaces on a bridge that only they can reach."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from ingest.devstack.stack import wait_until
from ingest.process.parent_death import tied_command
from ingestsite.configuration import ROOT
from tests.support import apt

# A command run by these has its own network, mounts and processes. When it ends, by any signal,
# the kernel ends every process it started and removes the network.
APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")

NET = "10.0.0.0/24"  # the machines see no other network
BRIDGE = "bridge"
LINK = "eth0"  # of every machine

SET_HOSTNAME = 'hostname "$0" && exec "$@"'


def why_not() -> str:
    """Return why this machine allows no network of our own, or an empty text if it does."""
    if os.geteuid() != 0:
        return "it needs root"
    apt.install("ip", package="iproute2")
    words = [*APART, "ip", "link", "add", BRIDGE, "type", "bridge"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"the kernel allows no network namespace: {done.stderr.strip()}" * bool(done.returncode)


def run_apart(command: Sequence[str], folder: Path) -> int:
    """
    Run a command in a network of its own, with its files in a folder, and return its status.

    Every process that the command started ends first, even on Ctrl-C or SIGTERM.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    process = subprocess.Popen(
        tied_command(signal.SIGKILL, [*APART, *command]),
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        return process.wait()
    finally:
        for first in psutil.Process(process.pid).children() if process.poll() is None else ():
            first.kill()  # the kernel kills the others before this one ends
        process.wait()


class Machine:
    """A network namespace with a name, an address and a link that can be cut."""

    def __init__(self, name: str, number: int, folder: Path) -> None:
        self.name = name
        self.address = f"10.0.0.{number}"
        self.log = folder / f"{name}.log"
        port = f"to-{name}"
        _ip("netns", "add", name)
        _ip("link", "add", port, "type", "veth", "peer", "name", LINK, "netns", name)
        _ip("link", "set", port, "master", BRIDGE, "up")
        _ip("-n", name, "address", "add", f"{self.address}/24", "dev", LINK)
        for link in ("lo", LINK):
            _ip("-n", name, "link", "set", link, "up")
        self._port = port

    @property
    def inside(self) -> tuple[str, ...]:
        """The words before a command that runs it on this machine."""
        own_name = ("unshare", "--uts", "sh", "-c", SET_HOSTNAME, self.name)
        return ("ip", "netns", "exec", self.name, *own_name)

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program on this machine, with the machine's log as its output."""
        with self.log.open("ab") as log:
            subprocess.Popen(
                [*self.inside, *command],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        """Run a program on this machine, and return what it printed."""
        words = [*self.inside, *command]
        return subprocess.check_output(words, cwd=ROOT, env=environment, text=True)

    def cut(self) -> None:
        """Pull the cable: packets are lost without an error on either side."""
        _ip("link", "set", self._port, "down")

    def restore(self) -> None:
        """Put the cable back."""
        _ip("link", "set", self._port, "up")

    def kill(self) -> None:
        """Kill every process on this machine, including those just starting."""

        def all_are_gone() -> bool:
            pids = self.pids()
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _reap_children()
            return not pids

        wait_until(all_are_gone, seconds=30, what=f"{self.name} has no process")

    def lose_power(self) -> None:
        """End every process without a last packet, so that connections stay open elsewhere."""
        self.cut()
        self.kill()

    def pids(self) -> list[int]:
        """Return the processes that run on this machine."""
        return [int(pid) for pid in _ip("netns", "pids", self.name).split()]


class Network:
    """A bridge and the machines on it, made by a process in a network of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.machines: list[Machine] = []

    def __enter__(self) -> Self:
        names = Path("/run/netns")
        names.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "names", str(names)], check=True)
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("address", "add", "10.0.0.1/24", "dev", BRIDGE)
        for link in ("lo", BRIDGE):
            _ip("link", "set", link, "up")
        return self

    def machine(self, name: str) -> Machine:
        """Add a machine."""
        self.machines.append(Machine(name, len(self.machines) + 2, self._folder))
        return self.machines[-1]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for machine in self.machines:
            machine.kill()


def _ip(*words: str) -> str:
    return subprocess.check_output(["ip", *words], text=True)


def _reap_children() -> None:
    """Wait for children that have ended: this process is the namespace's init."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
