"""
Stop a busy stack in every way there is, and count what became of the accepted posts.

    python -m tests.harness.shutdown_matrix [--backlogs 10 300 10000] [--brokers embedded rabbitmq]

Each stop meets a backlog of its own publication. A supervisor restarts a worker or the web server,
and this program restarts the whole stack. Then every post must be saved once. The program prints a
row for each stop, a table, and one line of JSON. Its status is 1 if a post was lost or counted
twice, or a process did not end.
"""

import os
import re
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import psutil

from ingest.client import ApiClient
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.harness import runner
from tests.support import servers
from tests.support.processes import main_and_children, processes
from tests.support.sender import Sender, is_empty, status_of
from tests.support.stores import firestore_of, new_project, project_settings

BATCH_POSTS = 100  # posts a request
MAX_WAIT_SECONDS = 300  # for any one condition
wait = partial(wait_until, seconds=MAX_WAIT_SECONDS)

SIGNS = {"extract": "-Q extract", "save": "-Q save", "web": "gunicorn"}
READY = {"extract": r"extract@\S+ ready", "save": r"save@\S+ ready", "web": "Listening at"}
# The 10,000 posts are short: the stop is tested, and not the model.
TEXT = "Angela Merkel met Barack Obama in Berlin on behalf of the United Nations, post {}."


@dataclass(frozen=True)
class Stop:
    """Which process gets which signal, and how often."""

    process: str
    whom: str
    signal: signal.Signals
    times: int = 1


WORKERS = ("extract", "save", "web")
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOPS = (
    *(Stop(*case) for case in product(WORKERS, ("parent", "group"), STOP_SIGNALS)),
    *(Stop(role, "parent", number, 2) for role, number in product(WORKERS, STOP_SIGNALS)),
    *(Stop("honcho", "parent", *case) for case in product(STOP_SIGNALS, (1, 2))),
)


@dataclass(frozen=True)
class Row(runner.Result):
    """What a stop did; `lost`, `doubled` and `orphans` must be 0."""

    broker: str
    backlog: int
    process: str
    whom: str
    signal: str
    times: int
    status: int
    seconds: float
    saved_before: int
    queued: int
    saved_after: int
    lost: int
    doubled: int
    orphans: int

    @property
    def right(self) -> bool:
        """Whether every post counts once, and every process ended with a clean status."""
        # A second signal may end a process early.
        return (self.status == 0 or self.times > 1) and not (
            self.lost or self.doubled or self.orphans
        )


class Stopped:
    """A stack whose parts can be stopped."""

    def __init__(self, stack: Stack, client: ApiClient, store: FirestoreStore, broker: str) -> None:
        self.stack = stack
        self.client = client
        self.store = store
        self.broker = broker

    def start(self) -> None:
        """Start everything, and wait until every process handles signals."""
        before = {role: self.ready(role) for role in READY}
        self.stack.start()
        wait(
            lambda: all(self.ready(role) > count for role, count in before.items()),
            what="every process is ready",
        )

    def stop(self, stop: Stop, backlog: int) -> Row:
        """Give the stack a backlog, stop a part of it, and wait until all is saved."""
        name = f"{stop.process} {stop.whom} {stop.signal.name} {stop.times} {backlog}"
        main = self.main(stop.process)
        family = [main, *main.children(recursive=True)]
        ready = self.ready(stop.process) if stop.process in READY else 0
        sender = threading.Thread(target=self._send, args=(name, backlog))
        sender.start()
        if stop.process != "web":
            sender.join()  # only the web server is stopped while posts come in
        wait(self._is_busy, what="a worker is busy, or every post is saved")
        began = time.monotonic()
        self._signal(main, stop)
        status = self._await_end(main, stop.process)
        seconds = time.monotonic() - began
        saved_before = self._saved(name)
        left = processes(self.stack) if stop.process == "honcho" else family
        _, orphans = psutil.wait_procs(left, timeout=10)
        if stop.process == "honcho":
            self.start()
        else:
            wait(lambda: self.ready(stop.process) > ready, what=f"{stop.process} is back")
        sender.join()
        wait(self.is_empty, what="the queues are empty")
        saved = self._saved(name)
        return Row(
            broker=self.broker,
            backlog=backlog,
            process=stop.process,
            whom=stop.whom,
            signal=stop.signal.name,
            times=stop.times,
            status=status,
            seconds=round(seconds, 1),
            saved_before=saved_before,
            queued=backlog - saved_before,
            saved_after=saved,
            lost=max(0, backlog - saved),
            doubled=max(0, saved - backlog),
            orphans=len(orphans),
        )

    def _send(self, publication: str, count: int) -> None:
        posts = [
            {"publication": publication, "content": TEXT.format(n), "id": str(n)}
            for n in range(count)
        ]
        Sender(self.client).send_in_lists(posts, size=BATCH_POSTS)

    def main(self, role: str) -> psutil.Process:
        """Return the main process of a worker, of the web server or of all."""
        if role == "honcho":
            return psutil.Process(self.stack.pid)
        ((main,), _) = main_and_children(self.stack, SIGNS[role])
        return main

    def _signal(self, main: psutil.Process, stop: Stop) -> None:
        """Send the signal, and the second one after the process logged the first."""
        mark = self.stack.log.stat().st_size
        for _ in range(stop.times):
            if stop.whom == "group":
                os.killpg(os.getpgid(main.pid), stop.signal)
            else:
                main.send_signal(stop.signal)
            wait(
                lambda: self.stack.log.stat().st_size > mark or not main.is_running(),
                what="the process logs the signal or ends",
            )

    def _await_end(self, main: psutil.Process, role: str) -> int:
        """Wait for the end of a process, and return its exit status."""
        if role == "honcho":
            return self.stack.wait(seconds=MAX_WAIT_SECONDS)
        main.wait(timeout=MAX_WAIT_SECONDS)
        ended = rf"process {main.pid} ended (?:with status (\d+)|by SIG(\w+))"
        wait_until(
            lambda: bool(self._logged(ended)), seconds=30, what="its supervisor logs its end"
        )
        (status, number) = self._logged(ended)[-1]
        return int(status) if status else -int(getattr(signal, f"SIG{number}"))

    def _logged(self, pattern: str) -> list[Any]:
        return re.findall(pattern, self.stack.log.read_text(errors="replace"))

    def ready(self, role: str) -> int:
        """Return how often a process has logged that it is ready."""
        return len(self._logged(READY[role]))

    def is_empty(self) -> bool:
        """Return whether no message waits or is in progress."""
        return is_empty(self.client)

    def _is_busy(self) -> bool:
        status = status_of(self.client)
        return bool(status.get("in_work") or status.get("empty"))

    def _saved(self, name: str) -> int:
        publication = self.store.publication(name)
        return publication.posts if publication else 0


@contextmanager
def running(folder: Path, broker: str) -> Iterator[Stopped]:
    """Run a stack whose store outlives it."""
    project = new_project()
    settings = {
        **project_settings(project),
        "INGEST_EXTRACT_CONCURRENCY": "4",
        # What a stop of everything may take; a longer backlog waits on the queue.
        "INGEST_DRAIN_SECONDS": "10",
        "INGEST_VISIBILITY_SECONDS": "20",
        "INGEST_MERGE_SECONDS": "5",
    }
    with runner.prepared_stack(folder, settings, broker=broker) as (stack, client, _):
        stopped = Stopped(stack, client, firestore_of(project), broker)
        stopped.start()
        yield stopped


def rounds(options: Namespace) -> Iterator[Row]:
    """Do every stop with every backlog on every broker."""
    os.environ["INGEST_FIRESTORE_HEAP_MB"] = "6000"
    for broker in options.brokers:
        with (
            runner.temporary_folder("signals") as folder,
            servers.emulator(),
            running(folder, broker) as stopped,
        ):
            for backlog, stop in product(options.backlogs, STOPS):
                yield stopped.stop(stop, backlog)


def main() -> int:
    """Do every stop that the command line asks for."""
    parser = runner.argument_parser("shutdown_matrix", "Stop everything under load, and count.")
    parser.add_argument("--backlogs", type=int, nargs="+", default=[10, 300, 10_000])
    parser.add_argument("--brokers", nargs="+", default=runner.BROKERS)
    rows = runner.run_rounds(rounds(parser.parse_args()))
    sums = {
        name: sum(getattr(row, name) for row in rows) for name in ("lost", "doubled", "orphans")
    }
    slowest = max(row.seconds for row in rows)
    runner.print_figures({"stops": len(rows), **sums, "slowest_seconds": slowest})
    return runner.exit_status(rows)


if __name__ == "__main__":
    sys.exit(main())
