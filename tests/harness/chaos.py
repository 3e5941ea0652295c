"""
The kill test: whatever dies, every accepted post is counted once, or is a dead letter.

    python -m tests.harness.chaos [--posts N] [--seeds 1 2 3] [--brokers embedded rabbitmq]
                                [--outage 60]

Runs the real stack, sends posts from several clients in waves, and strikes in each wave: a seeded
schedule of SIGKILLs to web workers, extract and save workers and their children, the broker and
the line to Firestore, and answers that are lost after a commit was applied. Some posts are poison.
Afterwards everything is compared with what the model alone says of the same texts. Prints a line
per strike, a table, and a line of JSON for each run, and exits non-zero on any difference.
"""

from tests import environment  # isort: skip  (it decides the ports, before they are read)

import json
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.support import faulty_model
from tests.support.processes import kill, main_and_children, processes
from tests.support.rabbitmq import RabbitMQ, install
from tests.support.servers import server
from tests.support.stores import firestore_of
from tests.support.tcp_proxy import Line
from tests.support.verdict import judge

CLIENTS = 4
LARGEST_LIST = 20  # posts a client sends at once
SECOND_LOOK = 30  # seconds after a run that went wrong
# However slow the machine: after the last strike nothing may be on its way any more.
SETTLE = 1500  # seconds

# Where a run that went wrong leaves its log: it is all there is to learn from.
LOGS = Path("var")

DEAD_LETTER = r"^([0-9a-f]{32}) "

BOMBS = (faulty_model.RAISE, faulty_model.SPIN, faulty_model.KILL)


@dataclass(frozen=True)
class Result:
    """What a run ended with; `lost`, `doubled`, `counters_wrong` and `not_poison` must be 0."""

    broker: str
    seed: int
    accepted: int
    saved: int
    dead: int
    lost: int
    doubled: int
    counters_wrong: int
    not_poison: int
    redelivered: int
    answers_lost: int
    strikes: int
    seconds: int

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, and the strikes really left holes."""
        wrong = self.lost + self.doubled + self.counters_wrong + self.not_poison
        return not wrong and self.redelivered > 0 and self.saved + self.dead == self.accepted


class Run:
    """One stack, its clients and what strikes it."""

    def __init__(
        self, stack: Stack, client: ApiClient, line: Line, node: RabbitMQ | None, outage: float
    ) -> None:
        self.stack = stack
        self.client = client
        self.line = line
        self.node = node
        self.outage = outage
        self.sent: dict[str, tuple[str, str]] = {}  # publication and text, by post id
        self._lock = threading.Lock()

    def send(self, posts: Sequence[dict[str, str]]) -> None:
        """Send posts until they are accepted, as a client does that wants them counted."""
        while True:
            try:
                answers = self.client.submit(posts)
            except (ApiError, requests.RequestException):
                time.sleep(0.2)  # a client's own pause; nothing tells it when to come again
                continue
            with self._lock:
                for post, answer in zip(posts, answers, strict=True):
                    assert answer["status"] == "accepted", answer
                    self.sent[answer["id"]] = (post["publication"], post["content"])
            return

    def strikes(self) -> dict[str, Callable[[], None]]:
        """Return what can happen, by name."""
        return {
            "kill a web worker": lambda: self._kill("gunicorn", child=True),
            "kill an extract child": lambda: self._kill("-Q extract", child=True),
            "kill the extract worker": lambda: self._kill("-Q extract", child=False),
            "kill a save child": lambda: self._kill("-Q save", child=True),
            "kill the save worker": lambda: self._kill("-Q save", child=False),
            "kill the broker": self._kill_broker,
            "cut the line to the store": self._cut,
            "lose an answer of the store": self.line.lose_next_answer,
        }

    def _kill(self, part: str, *, child: bool) -> None:
        """Kill a process whose command line has these words, or one of its children."""
        if victims := main_and_children(self.stack, part)[child]:
            kill(random.choice(victims))

    def _kill_broker(self) -> None:
        if self.node:
            self.node.send(signal.SIGKILL)
            self.node.restart()
        else:
            (valkey,) = (p for p in processes(self.stack) if "valkey" in p.name())
            valkey.kill()

    def _cut(self) -> None:
        self.line.cut()
        time.sleep(self.outage)  # the outage itself: its length is the point
        self.line.mend()


def posts_of(seed: int, count: int) -> Iterator[dict[str, str]]:
    """Yield posts with ids of their own, the samples in turn; one in a hundred is poison."""
    texts = list(samples.read())
    for number in range(count):
        sample = texts[number % len(texts)]
        content = sample["content"]
        if number % 100 == 50:
            content = f"{BOMBS[number // 100 % len(BOMBS)]} {content}"
        yield {**sample, "content": content, "id": f"{seed}-{number}"}


def batches(posts: Sequence[dict[str, str]], dice: random.Random) -> Iterator[list[dict[str, str]]]:
    """Cut posts into lists as clients send them: some alone, some many."""
    start = 0
    while start < len(posts):
        size = dice.choice((1, 1, dice.randint(2, LARGEST_LIST)))
        yield list(posts[start : start + size])
        start += size


def wave(run: Run, posts: Sequence[dict[str, str]], dice: random.Random) -> list[threading.Thread]:
    """Send posts from several clients at once; return the threads that do."""
    lists = list(batches(posts, dice))

    def client(number: int) -> None:
        for batch in lists[number::CLIENTS]:
            run.send(batch)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    return threads


def attack(run: Run, *, seed: int, posts: int, strikes: int) -> int:
    """Send all posts in waves with a strike in each, every kind at least once."""
    dice = random.Random(seed)
    kinds = list(run.strikes())
    schedule = [kinds[n % len(kinds)] for n in range(max(strikes, len(kinds)))]
    dice.shuffle(schedule)
    everything = list(posts_of(seed, posts))
    size = -(-len(everything) // len(schedule))
    for number, kind in enumerate(schedule):
        before = len(run.sent)
        threads = wave(run, everything[number * size : (number + 1) * size], dice)
        wait_until(lambda: len(run.sent) > before, seconds=SETTLE, what="some are accepted")  # noqa: B023
        # Not always at the same point of the work; a moment's chance is what is tested.
        time.sleep(dice.uniform(0, 0.5))
        print(f"  {len(run.sent):6} accepted: {kind}", flush=True)
        run.strikes()[kind]()
        for thread in threads:
            thread.join()
    return len(schedule)


def is_empty(client: ApiClient) -> bool:
    """Return whether nothing is on its way, as far as anybody can tell just now."""
    try:
        return bool(client.status()["empty"])
    except (ApiError, requests.RequestException):
        return False


def verdict(run: Run, store: FirestoreStore) -> dict[str, int]:
    """Compare what was accepted with what is in the store and among the dead letters."""
    letters = run.stack.manage("dead_letters", "list")
    return judge(run.sent, set(re.findall(DEAD_LETTER, letters, re.M)), store)


def _look_again(run: Run, store: FirestoreStore) -> None:
    """Say whether what seemed lost was only not through yet, though the queues seemed empty."""
    if run.node:
        print(run.node.queues(), flush=True)
    time.sleep(SECOND_LOOK)  # for what nobody can see
    print(f"  after {SECOND_LOOK} s more: {verdict(run, store)}", flush=True)


def redelivered(stack: Stack) -> int:
    """Return how many messages the workers saw again, by their own logs."""
    log = stack.log.read_text(errors="replace")
    return sum(map(int, re.findall(r"delivered again .* again=(\d+)", log)))


@contextmanager
def running(folder: Path, broker: str, emulator: int, outage: float) -> Iterator[Run]:
    """Run a stack on a broker, with a line of ours between it and the emulator."""
    with ExitStack() as exits:
        line = Line(emulator)
        node: RabbitMQ | None = None
        project = f"demo-{uuid.uuid4().hex[:12]}"
        settings = {
            **faulty_model.settings(folder / "bombs"),
            "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{line.port}",
            "INGEST_FIRESTORE_PROJECT": project,
            "INGEST_EXTRACT_CONCURRENCY": "4",
            "INGEST_EXTRACT_SECONDS": "5",
            "INGEST_STORE_SECONDS": "5",
            "INGEST_VISIBILITY_SECONDS": "15",
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
        stack.start()
        wait_until(lambda: is_empty(client), seconds=60, what="the queues are there")
        if node:
            node.settle()
        yield Run(stack, client, line, node, outage)


def chaos(
    folder: Path, *, broker: str, seed: int, posts: int, strikes: int, outage: float, emulator: int
) -> Result:
    """Do one run, and judge it."""
    random.seed(seed)
    began = time.monotonic()
    with running(folder, broker, emulator, outage) as run:
        struck = attack(run, seed=seed, posts=posts, strikes=strikes)
        wait_until(lambda: is_empty(run.client), seconds=SETTLE, what="the queues are empty")
        store = firestore_of(run.stack.environment["INGEST_FIRESTORE_PROJECT"])
        result = Result(
            broker=broker,
            seed=seed,
            accepted=len(run.sent),
            redelivered=redelivered(run.stack),
            answers_lost=run.line.answers_lost,
            strikes=struck,
            seconds=round(time.monotonic() - began),
            **verdict(run, store),
        )
        if not result.right:
            _look_again(run, store)
            kept = LOGS / f"chaos-{broker}-{seed}.log"
            kept.parent.mkdir(exist_ok=True)
            shutil.copy(run.stack.log, kept)
            print(f"  the log of the stack is kept: {kept}", flush=True)
        return result


def main() -> int:
    """Do every run that the command line asks for."""
    parser = ArgumentParser(prog="python -m tests.harness.chaos", description="Kill, and count.")
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--strikes", type=int, default=24)
    parser.add_argument("--outage", type=float, default=60, help="seconds without a store")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--brokers", nargs="+", default=["embedded", "rabbitmq"])
    options = parser.parse_args()
    results: list[Result] = []
    for broker in options.brokers:
        for seed in options.seeds:
            print(f"{broker}, seed {seed}", flush=True)
            with (
                tempfile.TemporaryDirectory(prefix="ingest-chaos-") as name,
                server("ingest.devstack.firestore_emulator", environment.FIRESTORE_PORT),
            ):
                results.append(
                    chaos(
                        Path(name),
                        broker=broker,
                        seed=seed,
                        posts=options.posts,
                        strikes=options.strikes,
                        outage=options.outage,
                        emulator=environment.FIRESTORE_PORT,
                    )
                )
            print(json.dumps(asdict(results[-1])), flush=True)
    names = list(asdict(results[0]))
    table = Table(*names)
    for result in results:
        table.add_row(*(str(value) for value in asdict(result).values()))
    Console(width=200).print(table)
    return 0 if all(result.right for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
