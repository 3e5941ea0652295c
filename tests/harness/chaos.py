"""
The kill test: whatever dies, every accepted post is counted once or is a dead letter.

    python -m tests.harness.chaos [--posts N] [--strikes N] [--outage SECONDS] [--seeds 1 2 3]
                                  [--on embedded/sqlite rabbitmq/postgresql]

The program runs the real stack, and several clients send posts in waves. Each wave meets a strike
from a seeded schedule. A strike kills a web worker, a worker, a child or the broker. Or it cuts the
line to the store, or loses an answer after its commit. SQLite is locked instead. One post in a
hundred makes the model fail. At the end every counter is compared with the model run by itself.
Three watches wait for a publication: for every post, the first one, and more than three. Each
saved post must have made one event, and the others one each, by the ids of the events.
The program prints a line for each strike, a line of JSON for each run and a table. Its status is 1
if anything differs.
"""

import random
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple, Self

from ingest import samples
from ingest.client import ApiClient
from ingest.core.posts import digest
from ingest.devstack.stack import Stack, wait_until
from ingest.store.base import Store
from tests.harness import runner
from tests.harness.attacked_store import STORES, AttackedStore, attacked_store
from tests.support import faulty_model
from tests.support.processes import kill, main_and_children, processes
from tests.support.rabbitmq import RabbitMQ
from tests.support.sender import Sender, is_empty
from tests.support.verdict import judge, redelivered

CLIENTS = 4
MAX_LIST_POSTS = 20  # of one request
WINDOW_HOURS = 8760  # of the watch for more than three posts: no run crosses its end
SECOND_CHECK_SECONDS = 30  # after a run that went wrong
MAX_SETTLE_SECONDS = 1500  # from the last strike to empty queues, on a slow machine

# The time limit of a post, the wait for messages of the dead, and the wait for a larger batch.
WAITS = {
    "INGEST_EXTRACT_SECONDS": "5",
    "INGEST_VISIBILITY_SECONDS": "15",
    "INGEST_MERGE_SECONDS": "5",
}
# In a short run nearly all time goes into these waits: a post that kills waits four times.
SHORT_WAITS = {
    "INGEST_EXTRACT_SECONDS": "3",
    "INGEST_VISIBILITY_SECONDS": "6",
    "INGEST_MERGE_SECONDS": "2",
}

BOMBS = (faulty_model.RAISE, faulty_model.SPIN, faulty_model.KILL)


class Pair(NamedTuple):
    """A broker and a store that a run uses together."""

    broker: str
    store: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a pair such as `embedded/sqlite`."""
        broker, _, store = text.partition("/")
        if broker not in runner.BROKERS or store not in STORES:
            raise ValueError(text)
        return cls(broker, store)


# What people run together: each broker with Firestore and with the store in SQL.
PAIRS = (
    Pair("embedded", "firestore"),
    Pair("rabbitmq", "firestore"),
    Pair("embedded", "sqlite"),
    Pair("rabbitmq", "postgresql"),
)


@dataclass(frozen=True)
class Result(runner.Result):
    """What a run ended with; `lost` to `events_wrong` must be 0."""

    broker: str
    store: str
    seed: int
    accepted: int
    saved: int
    dead: int
    lost: int
    doubled: int
    counters_wrong: int
    not_poison: int
    events_wrong: int
    redelivered: int
    answers_lost: int
    strikes: int
    seconds: int

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, and the strikes really left holes."""
        wrong = self.lost + self.doubled + self.counters_wrong + self.not_poison
        wrong += self.events_wrong
        return not wrong and self.redelivered > 0 and self.saved + self.dead == self.accepted


class Run:
    """One stack, its clients and what strikes it."""

    def __init__(
        self,
        stack: Stack,
        client: ApiClient,
        store: AttackedStore,
        node: RabbitMQ | None,
        outage: float,
    ) -> None:
        self.stack = stack
        self.client = client
        self.store = store
        self.node = node
        self.outage = outage
        self.sender = Sender(client)

    def strikes(self) -> dict[str, Callable[[], None]]:
        """Return every kind of strike, by its name."""
        return {
            "kill a web worker": lambda: self._kill("gunicorn", child=True),
            "kill an extract child": lambda: self._kill("-Q extract", child=True),
            "kill the extract worker": lambda: self._kill("-Q extract", child=False),
            "kill the notify worker": lambda: self._kill("-Q notify", child=False),
            "kill a save child": lambda: self._kill("-Q save", child=True),
            "kill the save worker": lambda: self._kill("-Q save", child=False),
            "kill the broker": self._kill_broker,
            **self.store.strikes(self.outage),
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


def posts_of(seed: int, count: int) -> Iterator[dict[str, str]]:
    """Yield the samples in turn, with ids; one in a hundred is poison, one in three bulk."""
    texts = list(samples.read())
    for number in range(count):
        sample = texts[number % len(texts)]
        content = sample["content"]
        if number % 100 == 50:
            content = f"{BOMBS[number // 100 % len(BOMBS)]} {content}"
        priority = "bulk" if number % 3 == 0 else "live"
        yield {**sample, "content": content, "id": f"{seed}-{number}", "priority": priority}


def batches(posts: Sequence[dict[str, str]], dice: random.Random) -> Iterator[list[dict[str, str]]]:
    """Divide posts into requests of different sizes, as clients send them."""
    start = 0
    while start < len(posts):
        size = dice.choice((1, 1, dice.randint(2, MAX_LIST_POSTS)))
        yield list(posts[start : start + size])
        start += size


def wave(run: Run, posts: Sequence[dict[str, str]], dice: random.Random) -> list[threading.Thread]:
    """Send posts from several clients at once; return the threads that do."""
    lists = list(batches(posts, dice))

    def client(number: int) -> None:
        for batch in lists[number::CLIENTS]:
            run.sender.send(batch)

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
        before = len(run.sender.sent)
        threads = wave(run, everything[number * size : (number + 1) * size], dice)
        wait_until(
            lambda: len(run.sender.sent) > before,  # noqa: B023
            seconds=MAX_SETTLE_SECONDS,
            what="some are accepted",
        )
        # A strike must not always meet the same point of the work.
        time.sleep(dice.uniform(0, 0.5))
        print(f"  {len(run.sender.sent):6} accepted: {kind}", flush=True)
        run.strikes()[kind]()
        for thread in threads:
            thread.join()
    return len(schedule)


def verdict(run: Run, store: Store) -> dict[str, int]:
    """Compare the accepted posts with the store and with the dead letters."""
    return judge(run.sender.sent, run.stack.manage("dead_letters", "list"), store)


class Watches(NamedTuple):
    """The watches on the publication of the first sample: their ids, by what they wait for."""

    publication: str
    any: int
    first: int
    more: int


def watch(run: Run) -> Watches:
    """Make a watch of each condition that the order of the posts does not change."""
    publication = next(samples.read())["publication"]
    code = (
        "from ingest.models import Watch\n"
        f"fields = {{'publication': {publication!r}, 'more_than': 3, 'hours': {WINDOW_HOURS}}}\n"
        "for condition in ('any', 'first', 'more'):\n"
        "    print(Watch.objects.create(condition=condition, **fields).pk)"
    )
    return Watches(publication, *map(int, _shell(run, code)))


def event_id(*about: object) -> str:
    """Return the id of an event, as its model makes it; this program has no models."""
    return digest("event", *map(str, about))


def events_wrong(run: Run, store: Store, watches: Watches) -> int:
    """Return how many events are missing, or are there although nothing made them."""
    sent = {id_ for id_, (name, _) in run.sender.sent.items() if name == watches.publication}
    saved = {id_ for id_ in sent if store.post(id_) is not None}
    window = int(time.time()) // (WINDOW_HOURS * 3600)
    expected = {event_id("watch", watches.any, id_) for id_ in saved}
    expected.add(event_id("watch", watches.first, "first"))
    expected.add(event_id("watch", watches.more, "window", window))
    code = "from ingest.models import Event; print(*Event.objects.values_list('pk', flat=True))"
    return len(expected ^ set(_shell(run, code)))


def _shell(run: Run, code: str) -> list[str]:
    """Return the words that a program prints in Django's shell."""
    return run.stack.manage("shell", "--no-imports", "-c", code).split()


def _check_again(run: Run, store: Store) -> None:
    """Print whether posts that seemed lost were only late, though the queues seemed empty."""
    if run.node:
        print(run.node.queues(), flush=True)
    time.sleep(SECOND_CHECK_SECONDS)  # no condition shows a message that the broker hides
    print(f"  after {SECOND_CHECK_SECONDS} s more: {verdict(run, store)}", flush=True)


@contextmanager
def running(
    folder: Path, broker: str, store: AttackedStore, outage: float, waits: Mapping[str, str]
) -> Iterator[Run]:
    """Run a stack on a broker and a store."""
    settings = {
        **faulty_model.settings(folder / "bombs"),
        **store.settings,
        **waits,
        "INGEST_EXTRACT_CONCURRENCY": "4",
    }
    with runner.prepared_stack(folder, settings, broker=broker) as (stack, client, node):
        stack.start()
        wait_until(lambda: is_empty(client), seconds=60, what="the queues are there")
        if node:
            node.write_queues_to_disk()
        yield Run(stack, client, store, node, outage)


def chaos(
    folder: Path,
    on: Pair,
    *,
    seed: int,
    posts: int,
    strikes: int,
    outage: float,
    waits: Mapping[str, str] = WAITS,
) -> Result:
    """Do one run on a broker and a store, and judge it."""
    random.seed(seed)
    began = time.monotonic()
    with (
        attacked_store(on.store, folder) as attacked,
        running(folder, on.broker, attacked, outage, waits) as run,
    ):
        watches = watch(run)
        struck = attack(run, seed=seed, posts=posts, strikes=strikes)
        wait_until(
            lambda: is_empty(run.client), seconds=MAX_SETTLE_SECONDS, what="the queues are empty"
        )
        with attacked.open(run.stack) as store:
            result = Result(
                broker=on.broker,
                store=on.store,
                seed=seed,
                accepted=len(run.sender.sent),
                redelivered=redelivered(run.stack.log.read_text(errors="replace")),
                answers_lost=attacked.answers_lost,
                strikes=struck,
                seconds=round(time.monotonic() - began),
                events_wrong=events_wrong(run, store, watches),
                **verdict(run, store),
            )
            if not result.right:
                _check_again(run, store)
                runner.keep_log(run.stack.log, f"chaos-{on.broker}-{on.store}-{seed}.log")
            return result


def rounds(options: Namespace) -> Iterator[Result]:
    """Run every seed on every pair."""
    for on, seed in product(options.on, options.seeds):
        print(f"{on.broker} and {on.store}, seed {seed}", flush=True)
        with runner.temporary_folder("chaos") as folder:
            sizes = {"posts": options.posts, "strikes": options.strikes}
            yield chaos(folder, on, seed=seed, outage=options.outage, **sizes)


def main() -> int:
    """Do every run that the command line asks for."""
    parser = runner.argument_parser("chaos", "Kill everything under load, and count.")
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--strikes", type=int, default=24)
    parser.add_argument("--outage", type=float, default=60, help="seconds without a store")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--on", type=Pair.read, nargs="+", default=PAIRS, metavar="BROKER/STORE")
    return runner.exit_status(runner.run_rounds(rounds(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
