"""
Hold a command of the Procfile, so that stopping honcho is a drain.

    python -m ingest.devstack.supervise worker|service -- COMMAND [ARGUMENT ...]

Honcho sends SIGTERM to every process group at once, broker and workers alike, and SIGKILL five
seconds after the first of them has gone. So the command gets a session of its own, out of reach,
and its holder decides. On SIGTERM or SIGINT the holder of a worker runs `manage.py drain`, then
stops the worker; the holder of a service waits until the last worker is gone, then stops the
service. All holders leave together, so the five seconds never begin. A second signal hurries.

A command that ends by itself is started again, unless it says that it can never run here.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

from ingest.process.parent_death import die_with_parent
from ingestsite import configuration

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
WATCHED_SIGNALS = (*STOP_SIGNALS, signal.SIGCHLD)

MAX_PAUSE_SECONDS = 30  # seconds between two starts of a command that keeps ending
STABLE_SECONDS = 60  # seconds after which a command is one that runs

DRAIN_COMMAND = (sys.executable, "manage.py", "drain", "--by", "stop")


@dataclass
class Supervisor:
    """One command, and the lock that tells the other holders whether a worker still runs."""

    command: Sequence[str]
    is_worker: bool
    lock: IO[str]
    pause: float = field(default=1, init=False)

    def run(self) -> int:
        """Keep the command running until a signal comes; return the holder's exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
        if self.is_worker:
            fcntl.flock(self.lock, fcntl.LOCK_SH)
        child = start(self.command)
        began = time.monotonic()
        while signal.sigwait(WATCHED_SIGNALS) == signal.SIGCHLD:
            if child.poll() is None:
                continue
            if child.returncode == os.EX_CONFIG:
                return os.EX_CONFIG
            self._grow_pause(time.monotonic() - began)
            say(f"{describe(child)}; it starts again in {self.pause:.0f} s")
            if signal.sigtimedwait(STOP_SIGNALS, self.pause):
                break
            child = start(self.command)
            began = time.monotonic()
        return self._stop(child)

    def _grow_pause(self, seconds_alive: float) -> None:
        self.pause = 1 if seconds_alive > STABLE_SECONDS else min(2 * self.pause, MAX_PAUSE_SECONDS)

    def _stop(self, child: "subprocess.Popen[bytes]") -> int:
        if self.is_worker:
            self._drain()
            status = stop(child)
            fcntl.flock(self.lock, fcntl.LOCK_UN)
            self._await_workers()
        else:
            self._await_workers()
            status = stop(child)
        return status

    def _drain(self) -> None:
        """Close the gate and wait until nothing is on its way, or until somebody is in a hurry."""
        drain = start(DRAIN_COMMAND)
        while drain.poll() is None:
            if signal.sigwait(WATCHED_SIGNALS) in STOP_SIGNALS:
                say("a second signal: what is queued waits in the durable queue")
                drain.terminate()
                drain.wait()

    def _await_workers(self) -> None:
        """Wait until no holder of a worker has the lock."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        fcntl.flock(self.lock, fcntl.LOCK_UN)


def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a command in a session of its own; it is stopped warm if its holder is killed."""
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_prepare)


def _prepare() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED_SIGNALS)
    die_with_parent(signal.SIGTERM)


def stop(child: "subprocess.Popen[bytes]") -> int:
    """Ask the command's main process, and no other of its group, to finish; then hurry it."""
    if child.poll() is None:
        child.terminate()
    while child.poll() is None:
        if signal.sigwait(WATCHED_SIGNALS) in STOP_SIGNALS:
            child.send_signal(signal.SIGQUIT)
    say(describe(child))
    return max(child.returncode, 0)


def describe(child: "subprocess.Popen[bytes]") -> str:
    """Say how a command ended."""
    status = child.returncode
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    return f"process {child.pid} ended {how}"


def say(sentence: str) -> None:
    """Print a line among those of the command."""
    print(f"supervise: {sentence}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Hold the command that the arguments name."""
    if len(arguments) < 3 or arguments[0] not in ("worker", "service") or arguments[1] != "--":
        print(__doc__, file=sys.stderr)
        return os.EX_USAGE
    configuration.STATE_DIR.mkdir(parents=True, exist_ok=True)
    with (configuration.STATE_DIR / "workers.lock").open("a") as lock:
        return Supervisor(arguments[2:], arguments[0] == "worker", lock).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
