"""
Stop a busy stack in every way there is, and count what became of what it had accepted.

    python -m tests.harness.shutdown_matrix [--backlogs 10 300 10000] [--brokers embedded rabbitmq]

Each stop meets a backlog of its own publication. A worker or the web server is started again by its
holder, the whole stack by this program; then everything must be saved, once. Prints a row per
stop as it ends, a table, and one line of JSON; exits non-zero if anything was lost, counted twice
or left behind.
"""

from tests import environment  # isort: skip  (it decides the ports, before they are read)

import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

import psutil
import requests
from rich.console import Console
from rich.table import Table

from ingest.client import ApiClient, ApiError
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.support.processes import main_and_children, processes
from tests.support.rabbitmq import RabbitMQ, install
from tests.support.servers import server
from tests.support.stores import firestore_of

LIST = 100  # posts a request
LONGEST = 300  # seconds for anything to come to an end
SIGNS = {"extract": "-Q extract", "save": "-Q save", "web": "gunicorn"}
READY = {"extract": r"extract@\S+ ready", "save": r"save@\S+ ready", "web": "Listening at"}
# Short, for the 10,000: what is tested is the stop, and not the model.
TEXT = "Angela Merkel met Barack Obama in Berlin on behalf of the United Nations, post {}."


@dataclass(frozen=True)
class Stop:
    """Which process is told to stop, how, and how often."""

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
class Row:
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
        """Whether nothing was lost, counted twice or left behind, and the end was a clean one."""
        number = getattr(signal, self.signal)
        # Honcho itself says by which signal it was stopped; a second signal may cut.
        clean = self.status == (128 + number if self.process == "honcho" else 0)
        return (clean or self.times > 1) and not (self.lost or self.doubled or self.orphans)


class Stopped:
    """A stack, and what it takes to stop a part of it."""

    def __init__(self, stack: Stack, client: ApiClient, store: FirestoreStore, broker: str) -> None:
        self.stack = stack
        self.client = client
        self.store = store
        self.broker = broker

    def start(self) -> None:
        """Start everything, until it takes signals: before, one would only end its start."""
        before = {role: self.ready(role) for role in READY}
        self.stack.start()
        wait_until(
            lambda: all(self.ready(role) > count for role, count in before.items()),
            seconds=LONGEST,
            what="all are ready",
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
            sender.join()  # the web server is stopped while posts come in, the others after
        wait_until(self._is_busy, seconds=LONGEST, what="somebody is busy, or all is done")
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
            wait_until(lambda: self.ready(stop.process) > ready, seconds=LONGEST, what="it is back")
        sender.join()
        wait_until(self.is_empty, seconds=LONGEST, what="all is through")
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
        """Send posts until each was accepted, as a client does that wants them counted."""
        for start in range(0, count, LIST):
            posts = [
                {"publication": publication, "content": TEXT.format(n), "id": str(n)}
                for n in range(start, min(start + LIST, count))
            ]
            while not self._accepts(posts):
                time.sleep(0.2)  # a client's own pause; nothing tells it when to come again

    def _accepts(self, posts: list[dict[str, str]]) -> bool:
        try:
            return all(answer["status"] == "accepted" for answer in self.client.submit(posts))
        except (ApiError, requests.RequestException):
            return False

    def main(self, role: str) -> psutil.Process:
        """Return the main process of a worker, of the web server or of all."""
        if role == "honcho":
            return psutil.Process(self.stack.pid)
        ((main,), _) = main_and_children(self.stack, SIGNS[role])
        return main

    def _signal(self, main: psutil.Process, stop: Stop) -> None:
        """Send the signal, and the second when the first has been heard."""
        mark = self.stack.log.stat().st_size
        for _ in range(stop.times):
            if stop.whom == "group":
                os.killpg(os.getpgid(main.pid), stop.signal)
            else:
                main.send_signal(stop.signal)
            wait_until(
                lambda: self.stack.log.stat().st_size > mark or not main.is_running(),
                seconds=LONGEST,
                what="the signal was heard",
            )

    def _await_end(self, main: psutil.Process, role: str) -> int:
        """Wait for the end of a process, and return its exit status."""
        if role == "honcho":
            return self.stack.wait(seconds=LONGEST)
        main.wait(timeout=LONGEST)
        ended = rf"process {main.pid} ended (?:with status (\d+)|by SIG(\w+))"
        wait_until(lambda: bool(self._said(ended)), seconds=30, what="its holder has seen it")
        (status, number) = self._said(ended)[-1]
        return int(status) if status else -int(getattr(signal, f"SIG{number}"))

    def _said(self, pattern: str) -> list[Any]:
        return re.findall(pattern, self.stack.log.read_text(errors="replace"))

    def ready(self, role: str) -> int:
        """Return how often a process has said that it is ready."""
        return len(self._said(READY[role]))

    def _status(self) -> dict[str, Any]:
        try:
            return self.client.status()
        except (ApiError, requests.RequestException):
            return {}

    def is_empty(self) -> bool:
        return bool(self._status().get("empty"))

    def _is_busy(self) -> bool:
        status = self._status()
        return bool(status.get("in_work") or status.get("empty"))

    def _saved(self, name: str) -> int:
        publication = self.store.publication(name)
        return publication.posts if publication else 0


@contextmanager
def running(folder: Path, broker: str) -> Iterator[Stopped]:
    """Run a stack whose store outlives it."""
    with ExitStack() as exits:
        project = f"demo-{uuid.uuid4().hex[:12]}"
        settings = {
            "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{environment.FIRESTORE_PORT}",
            "INGEST_FIRESTORE_PROJECT": project,
            "INGEST_EXTRACT_CONCURRENCY": "4",
            # What a stop of everything may take; a backlog that needs longer waits.
            "INGEST_DRAIN_SECONDS": "10",
            "INGEST_VISIBILITY_SECONDS": "20",
            "INGEST_MERGE_SECONDS": "5",
        }
        if broker == "rabbitmq":
            install()
            node = RabbitMQ(folder / "rabbitmq")
            node.start()
            exits.callback(node.stop)
            settings["INGEST_BROKER_URL"] = node.new_host()
        stack = Stack(folder, settings)
        exits.callback(stack.stop)
        client = stack.prepare()
        store = firestore_of(project)
        stopped = Stopped(stack, client, store, broker)
        stopped.start()
        yield stopped


def main() -> int:
    """Do every stop on every backlog and broker that the command line asks for."""
    parser = ArgumentParser(
        prog="python -m tests.harness.shutdown_matrix", description="Stop, and count."
    )
    parser.add_argument("--backlogs", type=int, nargs="+", default=[10, 300, 10_000])
    parser.add_argument("--brokers", nargs="+", default=["embedded", "rabbitmq"])
    options = parser.parse_args()
    rows: list[Row] = []
    for broker in options.brokers:
        os.environ["INGEST_FIRESTORE_HEAP_MB"] = "6000"
        with (
            tempfile.TemporaryDirectory(prefix="ingest-signals-") as folder,
            server("ingest.devstack.firestore_emulator", environment.FIRESTORE_PORT),
            running(Path(folder), broker) as stopped,
        ):
            for backlog, stop in product(options.backlogs, STOPS):
                rows.append(stopped.stop(stop, backlog))
                print(json.dumps(asdict(rows[-1])), flush=True)
    names = [field.name for field in fields(Row)]
    table = Table(*names)
    for row in rows:
        table.add_row(*(str(getattr(row, name)) for name in names))
    Console(width=200).print(table)
    sums = {
        name: sum(getattr(row, name) for row in rows) for name in ("lost", "doubled", "orphans")
    }
    slowest = max(row.seconds for row in rows)
    print(json.dumps({"stops": len(rows), **sums, "slowest_seconds": slowest}))
    return 0 if all(row.right for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
