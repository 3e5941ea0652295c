"""
Supervise a command of the Procfile, so that stopping honcho drains first.

    python -m ingest.devstack.supervise worker|service -- COMMAND [ARGUMENT ...]

Honcho sends SIGTERM to every process group at once, to the broker and the workers alike. Five
seconds after the first of them has ended, it sends SIGKILL. So each command runs in its own
session, which these signals do not reach, and its supervisor decides when to stop it.

On SIGTERM or SIGINT, the supervisor of a worker runs `manage.py drain`, then stops the worker. The
supervisor of a service waits until the last worker has ended, then stops the service. All
supervisors end together, so the five seconds never begin. A second signal cuts the drain short.

A supervisor restarts a command that ends by itself, unless its exit status is EX_CONFIG.
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

MAX_PAUSE_SECONDS = 30  # between two starts of a command that keeps ending
STABLE_SECONDS = 60  # after which a command is considered stable

DRAIN_COMMAND = (sys.executable, "manage.py", "drain", "--by", "stop")


@dataclass
class Supervisor:
    """One command, and the lock by which supervisors know whether a worker still runs."""

    command: Sequence[str]
    is_worker: bool
    lock: IO[str]
    pause_seconds: float = field(default=1, init=False)

    def run(self) -> int:
        """Keep the command running until a signal; return the supervisor's exit status."""
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
            say(f"{describe(child)}, restarting in {self.pause_seconds:.0f} s")
            if signal.sigtimedwait(STOP_SIGNALS, self.pause_seconds):
                break
            child = start(self.command)
            began = time.monotonic()
        return self._stop(child)

    def _grow_pause(self, seconds_alive: float) -> None:
        doubled = min(2 * self.pause_seconds, MAX_PAUSE_SECONDS)
        self.pause_seconds = 1 if seconds_alive > STABLE_SECONDS else doubled

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
        """Drain, or end the drain at a second signal."""
        drain = start(DRAIN_COMMAND)
        while drain.poll() is None:
            if signal.sigwait(WATCHED_SIGNALS) in STOP_SIGNALS:
                say("second signal: queued messages stay in the durable queue")
                drain.terminate()
                drain.wait()

    def _await_workers(self) -> None:
        """Wait until no supervisor of a worker has the lock."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        fcntl.flock(self.lock, fcntl.LOCK_UN)


def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a command in its own session; it gets SIGTERM if its supervisor is killed."""
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_prepare)


def _prepare() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED_SIGNALS)
    die_with_parent(signal.SIGTERM)


def stop(child: "subprocess.Popen[bytes]") -> int:
    """Send SIGTERM to the command's main process only, and SIGQUIT at each further signal."""
    if child.poll() is None:
        child.terminate()
    while child.poll() is None:
        if signal.sigwait(WATCHED_SIGNALS) in STOP_SIGNALS:
            child.send_signal(signal.SIGQUIT)
    say(describe(child))
    return max(child.returncode, 0)


def describe(child: "subprocess.Popen[bytes]") -> str:
    """Describe the end of a command."""
    status = child.returncode
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    return f"process {child.pid} ended {how}"


def say(sentence: str) -> None:
    """Print a line into the output of the command."""
    print(f"supervise: {sentence}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Supervise the command that the arguments name."""
    if len(arguments) < 3 or arguments[0] not in ("worker", "service") or arguments[1] != "--":
        print(__doc__, file=sys.stderr)
        return os.EX_USAGE
    configuration.make_state_folder()
    with (configuration.STATE_DIR / "workers.lock").open("a") as lock:
        return Supervisor(arguments[2:], arguments[0] == "worker", lock).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
