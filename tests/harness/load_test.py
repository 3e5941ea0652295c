"""
The load test of the course that this project descends from: 100,000 posts, from a file.

    python -m tests.harness.load_test [--posts N] [--size 1300] [--runs emulator rabbitmq]
                                    [--into var/load-test]

Writes so many posts to a file and loads it with the project's own loader into two stacks, one after
the other: the embedded broker with Google's emulator, and RabbitMQ with the store that keeps
nothing. Meanwhile it looks at the queues, at what was saved and at the memory of each kind of
process. Writes a report in Markdown with plots; prints a line of JSON for each run, and exits
non-zero unless every accepted post was saved once.
"""

from tests import environment  # isort: skip  (it decides the ports, before they are read)

import json
import re
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ingest.devstack.stack import wait_until
from ingest.loader.columns import Columns
from ingest.loader.console import LoadConsole
from ingest.loader.readers import RowReader
from ingest.loader.run import Load, Target
from ingest.loader.sender import Backoff, RequestSize
from tests.harness.articles import PUBLICATIONS
from tests.harness.bench import Loaded, texts
from tests.harness.load_report import Run, Sample, write_report
from tests.support.rabbitmq import RabbitMQ, install

LOOK = 1.0  # seconds between two looks at the queues
MEMORY_LOOKS = 5  # looks between two at the memory, which cost more
CONNECTIONS = 4
TOGETHER = RequestSize(posts=100, bytes=1_000_000)
SETTLE = 7200  # seconds for what is queued when all is sent

# What the emulator's virtual machine needs: it keeps every version of every document. Measured by
# this test, whose report says how much it was in the end.
HEAP_MB, HEAP_KB_A_POST = 1024, 60


def heap_mb(posts: int) -> int:
    """Return a heap in which the emulator can keep so many posts; half the machine at the most."""
    wanted = HEAP_MB + posts * HEAP_KB_A_POST // 1024
    return min(wanted, psutil.virtual_memory().total // 2 >> 20)


def write_posts(path: Path, *, count: int, size: int) -> Counter[str]:
    """Write posts of about so many characters, one a line; return how many of each publication."""
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
    """A bar that also remembers how many rows were accepted by now."""

    accepted = 0

    def show(self, path: str, *, offset: int, rows: int, note: str) -> None:
        self.accepted = rows
        super().show(path, offset=offset, rows=rows, note=note)


@dataclass
class Watch:
    """What is seen of a stack while it is loaded, from a thread of its own."""

    stack: Loaded
    teller: Recorder
    node: RabbitMQ | None
    samples: list[Sample] = field(default_factory=list)
    _saved: int = 0
    _read: int = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look again and again while a block runs."""
        over = threading.Event()
        self._skip()
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
            with_memory = last or len(self.samples) % MEMORY_LOOKS == 0
            self.samples.append(self._look(began, with_memory=with_memory))
            if last:
                return
            over.wait(LOOK)

    def _look(self, began: float, *, with_memory: bool) -> Sample:
        status = self.stack.client.status()
        self._saved += sum(map(int, re.findall(rb"commit posts=(\d+)", self._new_log())))
        return Sample(
            seconds=time.monotonic() - began,
            accepted=self.teller.accepted,
            saved=self._saved,
            waiting=status["waiting"],
            in_work=status["in_work"],
            memory=self._memory() if with_memory else {},
        )

    def _skip(self) -> None:
        """Pass over what was logged before."""
        self._new_log()

    def _new_log(self) -> bytes:
        """Return the whole lines that were logged since the last look."""
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


def load(stack: Loaded, path: Path, teller: Recorder) -> Counter[str]:
    """Load a file as `manage.py load_posts` does; return what became of its rows."""
    key = stack.client.headers["Authorization"].split()[-1]
    target = Target(stack.stack.url, key, CONNECTIONS, TOGETHER)
    files = Load(
        [str(path)],
        reader=RowReader(Columns()),
        target=target,
        folder=path.parent / "checkpoints",
        backoff=Backoff(timeout_seconds=600),
    )
    assert files.run(teller, from_start=True)
    return files.counts


def run(name: str, path: Path, written: Counter[str], folder: Path) -> Run:
    """Load the file into one stack, watch it until all is through, and judge."""
    posts = written.total()
    folder.mkdir()
    with ExitStack() as exits:
        node = None
        settings = {"INGEST_FIRESTORE_HEAP_MB": str(heap_mb(posts))}
        if name == "rabbitmq":
            install()
            node = RabbitMQ(folder / "rabbitmq")
            node.start()
            exits.callback(node.stop)
            settings = {"INGEST_BROKER_URL": node.new_host(), "INGEST_STORE": "null"}
        stack = Loaded(folder, settings)
        exits.callback(stack.stack.stop)
        teller = exits.enter_context(Recorder(path.stat().st_size))
        watch = Watch(stack, teller, node)
        began = time.monotonic()
        with watch.watching():
            counts = load(stack, path, teller)
            accepted_in = time.monotonic() - began
            wait_until(lambda: _is_empty(stack), seconds=SETTLE, what="the queues are empty")
        dead = stack.client.status()["dead_letters"]
        saved = Counter({p["name"]: p["posts"] for p in stack.client.publications()})
        saved.pop("first", None)
        if name == "rabbitmq":
            saved = Counter({"all": watch.samples[-1].saved})
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
            samples=watch.samples,
        )


def _is_empty(stack: Loaded) -> bool:
    time.sleep(LOOK)
    return bool(stack.client.status()["empty"])


def main() -> int:
    """Do the runs, and write the report."""
    assert environment.FOLDER
    parser = ArgumentParser(prog="python -m tests.harness.load_test")
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1300, help="characters of a post")
    parser.add_argument("--runs", nargs="+", default=["emulator", "rabbitmq"])
    parser.add_argument("--into", type=Path, default=Path("var/load-test"))
    options = parser.parse_args()
    runs: list[Run] = []
    for name in options.runs:
        with tempfile.TemporaryDirectory(prefix="ingest-load-") as folder:
            path = Path(folder) / "posts.jsonl"
            written = write_posts(path, count=options.posts, size=options.size)
            runs.append(run(name, path, written, Path(folder) / "stack"))
        print(json.dumps(runs[-1].figures()), flush=True)
    facts: dict[str, Any] = {"posts": options.posts, "characters of a post": options.size}
    print(write_report(runs, options.into, facts))
    return 0 if all(one.right for one in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
