"""
100,000 posts loaded from a file, as in the course that this project descends from.

    python -m tests.harness.load_test [--posts N] [--size 1300] [--runs emulator rabbitmq]
                                      [--into var/load-test]

The project's own loader loads the file into two stacks, one after the other. The first has the
embedded broker and Google's emulator, the second RabbitMQ and the null store. Meanwhile the program
samples the queues, the saved posts and the memory of each kind of process. It writes a report in
Markdown with plots, and prints a line of JSON for each run. Its status is 1 unless every accepted
post was saved once.
"""

import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ingest.devstack.stack import wait_until
from ingest.loader.console import LoadConsole
from ingest.loader.reading.columns import Columns
from ingest.loader.reading.readers import RowReader
from ingest.loader.run import Load, Target
from ingest.loader.sender import Backoff, RequestSize
from tests.harness import runner
from tests.harness.articles import PUBLICATIONS
from tests.harness.bench import Loaded, texts
from tests.harness.load_report import Run, Sample, write_report
from tests.support.rabbitmq import RabbitMQ

SAMPLE_SECONDS = 1.0  # between two samples of the queues
SAMPLES_PER_MEMORY = 5  # samples for each one with the memory, which costs more
CONNECTIONS = 4
REQUEST_SIZE = RequestSize(posts=100, bytes=1_000_000)
MAX_SETTLE_SECONDS = 7200  # from the last request to empty queues

# The emulator keeps every version of every document. This program's report says what it needed.
HEAP_MB, HEAP_KB_PER_POST = 1024, 60


def heap_mb(posts: int) -> int:
    """Return the MB of heap that the emulator needs, at most half of the machine's memory."""
    wanted = HEAP_MB + posts * HEAP_KB_PER_POST // 1024
    return min(wanted, psutil.virtual_memory().total // 2 >> 20)


def write_posts(path: Path, *, count: int, size: int) -> Counter[str]:
    """Write posts of `size` characters, one a line; return their number by publication."""
    written: Counter[str] = Counter()
    with path.open("w") as file:
        for start in range(0, count, 1000):
            for text in texts(min(1000, count - start), size=size, seed=start):
                number = written.total()
                name = PUBLICATIONS[number % len(PUBLICATIONS)]
                file.write(
                    json.dumps({"publication": name, "content": text, "id": str(number)}) + "\n"
                )
                written[name] += 1
    return written


class Recorder(LoadConsole):
    """The loader's console, which also remembers how many rows were accepted."""

    accepted = 0

    def show(self, path: str, *, offset: int, rows: int, note: str) -> None:
        self.accepted = rows
        super().show(path, offset=offset, rows=rows, note=note)


@dataclass
class Sampler:
    """A thread that samples a stack while posts are loaded into it."""

    stack: Loaded
    console: Recorder
    node: RabbitMQ | None
    samples: list[Sample] = field(default_factory=list)
    _saved: int = 0
    _read: int = 0

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample once a second while a block runs."""
        over = threading.Event()
        self._new_log()  # passes over earlier lines
        thread = threading.Thread(target=self._run, args=(over, time.monotonic()))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _run(self, over: threading.Event, began: float) -> None:
        while True:
            last = over.is_set()
            with_memory = last or len(self.samples) % SAMPLES_PER_MEMORY == 0
            self.samples.append(self._sample(began, with_memory=with_memory))
            if last:
                return
            over.wait(SAMPLE_SECONDS)

    def _sample(self, began: float, *, with_memory: bool) -> Sample:
        status = self.stack.client.status()
        self._saved += sum(map(int, re.findall(rb"commit posts=(\d+)", self._new_log())))
        return Sample(
            seconds=time.monotonic() - began,
            accepted=self.console.accepted,
            saved=self._saved,
            waiting=status["waiting"],
            in_work=status["in_work"],
            memory=self._memory() if with_memory else {},
        )

    def _new_log(self) -> bytes:
        """Return the whole lines that were logged since the last sample."""
        with self.stack.stack.log.open("rb") as log:
            log.seek(self._read)
            lines = log.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole

    def _memory(self) -> dict[str, int]:
        memory = self.stack.memory()
        if self.node:
            memory["broker"] += self.node.memory_mb()
        return dict(memory)


def load(stack: Loaded, path: Path, console: Recorder) -> Counter[str]:
    """Load a file as `manage.py load_posts` does; return the rows by their outcome."""
    key = stack.client.headers["Authorization"].split()[-1]
    target = Target(stack.stack.url, key, CONNECTIONS, REQUEST_SIZE)
    files = Load(
        [str(path)],
        reader=RowReader(Columns()),
        target=target,
        folder=path.parent / "checkpoints",
        backoff=Backoff(timeout_seconds=600),
    )
    assert files.run(console, from_start=True)
    return files.counts


def run(name: str, path: Path, written: Counter[str], folder: Path) -> Run:
    """Load the file into one stack, sample it until the queues are empty, and judge."""
    posts = written.total()
    folder.mkdir()
    settings = {"INGEST_FIRESTORE_HEAP_MB": str(heap_mb(posts))}
    if name == "rabbitmq":
        settings = {"INGEST_STORE": "null"}
    with (
        runner.prepared_stack(folder, settings, broker=name, flower=True) as (stack, client, node),
        Recorder(path.stat().st_size) as console,
    ):
        loaded = Loaded(stack, client)
        sampler = Sampler(loaded, console, node)
        began = time.monotonic()
        with sampler.sampling():
            counts = load(loaded, path, console)
            accepted_in = time.monotonic() - began
            wait_until(
                lambda: _is_empty(loaded), seconds=MAX_SETTLE_SECONDS, what="the queues are empty"
            )
        dead = client.status()["dead_letters"]
        saved = Counter({p["name"]: p["posts"] for p in client.publications()})
        saved.pop("first", None)
        if name == "rabbitmq":
            saved = Counter({"all": sampler.samples[-1].saved})
            written = Counter({"all": posts})
        return Run(
            name=name,
            posts=posts,
            accepted=counts["accepted"],
            saved=saved.total(),
            dead=dead,
            lost=(written - saved).total() - dead,
            doubled=(saved - written).total(),
            accepted_in=accepted_in,
            samples=sampler.samples,
        )


def _is_empty(stack: Loaded) -> bool:
    time.sleep(SAMPLE_SECONDS)
    return bool(stack.client.status()["empty"])


def main() -> int:
    """Do the runs, and write the report."""
    parser = runner.argument_parser("load_test", "Load posts on both brokers.")
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1300, help="characters of a post")
    parser.add_argument("--runs", nargs="+", default=["emulator", "rabbitmq"])
    parser.add_argument("--into", type=Path, default=Path("var/load-test"))
    options = parser.parse_args()
    runs: list[Run] = []
    for name in options.runs:
        with runner.temporary_folder("load") as folder:
            path = folder / "posts.jsonl"
            written = write_posts(path, count=options.posts, size=options.size)
            runs.append(run(name, path, written, folder / "stack"))
        runner.print_figures(runs[-1].figures())
    facts: dict[str, Any] = {"posts": options.posts, "characters of a post": options.size}
    print(write_report(runs, options.into, facts))
    return runner.exit_status(runs)


if __name__ == "__main__":
    sys.exit(main())
