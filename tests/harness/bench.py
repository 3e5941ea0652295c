"""
How fast posts become counts, compared with the model alone on the same posts and cores.

    make bench            # a table for each size of posts, and one line of JSON
    make bench LONG=1     # 100,000 posts, the speed of each tenth, and memory over time

Every row of a round uses the same posts. Rounds are interleaved, and each figure is their median,
because a shared machine is noisy. The ratios matter more than the rates. The posts are the gensim
wheel's articles. A seed shuffles and alters them, so that some words are new to the model.
"""

import http.client
import json
import multiprocessing
import os
import random
import re
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from ingest import samples
from ingest.client import ApiClient
from ingest.core.messages import AcceptedPost
from ingest.core.posts import Post
from ingest.devstack.stack import EVERY_SCOPE, Stack, wait_until
from ingest.nlp.ner import extract_entities, load_model, load_plain_model, warm
from ingest.process import fork_memory
from ingestsite import configuration
from tests.harness import runner
from tests.harness.articles import PUBLICATIONS, articles
from tests.support import postgresql
from tests.support.processes import processes

CORES = os.cpu_count() or 1
BATCH_POSTS = 50  # posts a request of the batched rows
LATENCY_STEP_SECONDS = 0.005  # how exact the latencies of single posts are
CONNECTIONS = 4
# Between two requests of the status, which cost milliseconds each.
POLL_SECONDS, MAX_POLL_SECONDS = 0.05, 1.0
TEXT_CHARACTERS, LONG_TEXT_CHARACTERS = 1300, 4000
LONG_POSTS = 100_000
STORES = ("null", "sqlite", "postgresql", "firestore")
LETTERS = "abcdefghijklmnopqrstuvwxyz"

Texts = list[str]
T = TypeVar("T")


def texts(count: int, *, size: int, seed: int) -> Texts:
    """Return texts of shuffled sentences with one new word in thirty; `size` is in characters."""
    dice = random.Random(seed)
    sentences = [s.strip() + "." for article in articles() for s in article.split(".") if s.strip()]
    made = []
    for _ in range(count):
        text = ""
        while len(text) < size:
            words = dice.choice(sentences).split()
            for place in range(len(words)):
                if dice.random() < 1 / 30:
                    words[place] += dice.choice(LETTERS) + dice.choice(LETTERS)
            text += " ".join(words) + " "
        made.append(text)
    return made


def share(work: Callable[[Texts], None], all_texts: Texts) -> float:
    """Do the work in a process for each core; return the posts a second."""
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=work, args=(all_texts[n::CORES],)) for n in range(CORES)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(all_texts) / (time.perf_counter() - began)


class ModelAlone:
    """The model by itself: our extract function, and spaCy's plain call."""

    def __init__(self) -> None:
        self._nlp = load_model(configuration.MODEL)
        warm(self._nlp, (post["content"] for post in samples.read()))
        self._plain = load_plain_model(configuration.MODEL)
        fork_memory.freeze()

    def ours(self, some: Texts) -> None:
        now = datetime.now(UTC)
        posts = [
            AcceptedPost.from_post(Post(content=text, publication="x"), accepted_at=now)
            for text in some
        ]
        extract_entities(posts, self._nlp, labels=configuration.LABELS)

    def bare(self, some: Texts) -> None:
        for text in some:
            self._plain(text)


class Loaded:
    """A stack under load, and a client that needs little processor time."""

    def __init__(self, stack: Stack, client: ApiClient) -> None:
        self.stack, self.client = stack, client
        self.stack.start()
        self._key = self.stack.manage("api_key", "create", "load", *EVERY_SCOPE).split()[-1]
        self._port = int(self.stack.environment["INGEST_WEB_PORT"])
        wait_until(self._has_saved_a_post, seconds=120, what="the first post is saved")

    def _has_saved_a_post(self) -> bool:
        if not hasattr(self, "_first"):
            self._first = self.client.submit([{"publication": "first", "content": "Oslo."}])
        return bool(self.client.status()["empty"])

    def run(self, some: Texts, *, together: int, mark: str) -> tuple[float, float]:
        """Send posts and wait until all are saved; return the posts accepted and saved a second."""
        bodies = list(_bodies(some, together, mark))
        began = time.perf_counter()
        _in_threads(self._send, bodies)
        accepted = time.perf_counter() - began
        most = 1
        while not (status := self.client.status())["empty"]:
            waiting = sum(status["waiting"].values())
            most = max(most, waiting)
            time.sleep(_pause(time.perf_counter() - began, waiting / most))
        return len(some) / accepted, len(some) / (time.perf_counter() - began)

    def get_limits(self, times: int) -> None:
        """Make requests that bring no post."""
        get = partial(self._send, method="GET", path="/api/limits", status=200)
        _in_threads(get, [b""] * times)

    def _send(
        self,
        bodies: Sequence[bytes],
        *,
        method: str = "POST",
        path: str = "/api/posts",
        status: int = 202,
    ) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        for body in bodies:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            assert response.status == status, answer
        connection.close()

    def latencies(self, some: Texts) -> list[float]:
        """Send posts one at a time; return the milliseconds from the 202 until each is saved."""
        found = []
        for number, text in enumerate(some):
            post = {"publication": "latency", "content": text, "id": f"latency-{number}"}
            (answer,) = self.client.submit([post])
            began = time.perf_counter()
            saved = partial(self._saved, answer["id"])
            wait_until(saved, seconds=60, what="it is saved", every=LATENCY_STEP_SECONDS)
            found.append(1000 * (time.perf_counter() - began))
        return found

    def _saved(self, post_id: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        headers = {"Authorization": f"Bearer {self._key}"}
        connection.request("GET", f"/api/posts/{post_id}", headers=headers)
        return connection.getresponse().status == 200

    def cpu(self) -> dict[str, float]:
        """Return the processor seconds of each kind of process so far."""
        seconds: dict[str, float] = defaultdict(float)
        for process in processes(self.stack):
            times = process.cpu_times()
            seconds[_kind(process)] += times.user + times.system
        return seconds

    def memory(self) -> Counter[str]:
        """Return the proportional set size of each kind of process, in MB."""
        size: Counter[str] = Counter()
        for process in processes(self.stack):
            size[_kind(process)] += int(process.memory_full_info().pss) >> 20
        return size

    def writes(self) -> tuple[int, int, int]:
        """Return posts saved, documents written, and documents without merging."""
        log = self.stack.log.read_text(errors="replace")
        lines = re.findall(r"commit posts=(\d+) writes=(\d+) unmerged=(\d+)", log)
        columns = list(zip(*(map(int, line) for line in lines), strict=True)) or [(0,)] * 3
        posts, written, unmerged = (sum(column) for column in columns)
        return posts, written, unmerged


def _pause(elapsed: float, waiting: float) -> float:
    """
    Return the seconds until the next look at the status: half of what the rest may take.

    Args:
        elapsed: the seconds so far.
        waiting: the share of the messages that waits still.
    """
    rest = elapsed * waiting / max(1 - waiting, waiting / 10)
    return min(max(POLL_SECONDS, rest / 2), MAX_POLL_SECONDS)


def _kind(process: Any) -> str:
    words = " ".join(process.cmdline())
    for kind, sign in {
        "supervisors": "ingest.devstack.run",
        "web": "gunicorn",
        "extract": "-Q extract",
        "save": "-Q save",
        "broker": "valkey",
        "emulator": "java",
        "flower": "flower",
    }.items():
        if sign in words:
            return kind
    return "other"


def _in_threads(work: Callable[[Sequence[T]], None], parts: Sequence[T]) -> None:
    """Divide the parts among a thread for each connection."""
    threads = [
        threading.Thread(target=work, args=(parts[n::CONNECTIONS],)) for n in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _bodies(some: Texts, together: int, mark: str) -> Iterator[bytes]:
    for start in range(0, len(some), together):
        posts = [
            {
                "publication": PUBLICATIONS[(start + n) % len(PUBLICATIONS)],
                "content": text,
                "id": f"{mark}-{start + n}",
            }
            for n, text in enumerate(some[start : start + together])
        ]
        yield json.dumps(posts if together > 1 else posts[0]).encode()


@contextmanager
def loaded(**settings: str) -> Iterator[Loaded]:
    """Run a stack while a block runs."""
    # The emulator keeps every version of every document in its heap.
    settings = {"INGEST_FIRESTORE_HEAP_MB": "6000", **settings}
    with (
        runner.temporary_folder("bench") as folder,
        runner.prepared_stack(folder, settings, flower=True) as (stack, client, _),
    ):
        yield Loaded(stack, client)


@contextmanager
def stacks() -> Iterator[dict[str, Loaded]]:
    """Run a stack on each store while a block runs."""
    cores = {"INGEST_EXTRACT_CONCURRENCY": str(CORES)}
    with ExitStack() as exits:
        server = exits.enter_context(postgresql.running(fsync=True))
        settings = {
            "null": {"INGEST_STORE": "null"},
            "firestore": {"INGEST_STORE": "firestore"},
            "sqlite": {"INGEST_STORE": "sql"},
            "postgresql": {
                "INGEST_STORE": "sql",
                "INGEST_DATABASE_URL": server.new_database(),
            },
        }
        yield {name: exits.enter_context(loaded(**settings[name], **cores)) for name in STORES}


def bench(*, size: int, count: int, rounds: int) -> dict[str, Any]:
    """Measure every row on the same posts, in interleaved rounds."""
    alone = ModelAlone()
    rates: dict[str, list[float]] = {}
    used: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def note(name: str, rate: float) -> None:
        rates.setdefault(name, []).append(rate)
        print(f"  {size} characters, {name}: {rate:.0f} posts/s", flush=True)

    with stacks() as loads:
        for stack in loads.values():  # the emulator's Java compiles code that runs often
            stack.run(texts(count // 4, size=size, seed=50), together=BATCH_POSTS, mark="warm")
        rows = [(f"{store}, batched", loads[store], BATCH_POSTS) for store in loads]
        rows.append(("null, single", loads["null"], 1))
        for number in range(rounds):
            some = texts(count, size=size, seed=number)
            note("NER alone", share(alone.ours, some))
            for name, stack, together in rows:
                before = stack.cpu()
                accepted, through = stack.run(some, together=together, mark=f"{name}-{number}")
                note(f"{name}, accepted", accepted)
                note(name, through)
                for kind, total in stack.cpu().items():
                    used[name][kind] += total - before[kind]
            note("bare spaCy", share(alone.bare, some[: count // 5]))
        posts, written, unmerged = loads["firestore"].writes()
        waits = loads["firestore"].latencies(texts(40, size=size, seed=99))
    median = {name: statistics.median(found) for name, found in rates.items()}
    _print(size, median)

    def milliseconds(name: str) -> dict[str, float]:
        posts_sent = count * rounds
        return {kind: round(1000 * s / posts_sent, 2) for kind, s in sorted(used[name].items())}

    return {
        "characters": size,
        **{
            f"end_to_end_{store}_over_ner": round(
                median[f"{store}, batched"] / median["NER alone"], 3
            )
            for store in STORES
        },
        "single_over_batched": round(median["null, single"] / median["null, batched"], 3),
        "accept_batched_posts_per_s": round(median["null, batched, accepted"]),
        "accept_single_posts_per_s": round(median["null, single, accepted"]),
        "cpu_ms_per_post": milliseconds("firestore, batched"),
        "cpu_ms_per_post_null": milliseconds("null, batched"),
        "cpu_ms_per_post_sqlite": milliseconds("sqlite, batched"),
        "cpu_ms_per_post_postgresql": milliseconds("postgresql, batched"),
        "cpu_ms_per_post_single": milliseconds("null, single"),
        "firestore_writes_per_post": round(written / posts, 2),
        "firestore_writes_unmerged": round(unmerged / posts, 2),
        "idle_latency_ms_p50": round(statistics.median(waits)),
        "idle_latency_ms_p95": round(statistics.quantiles(waits, n=20)[-1]),
        "bare_spacy_over": round(median["NER alone"] / median["bare spaCy"], 2),
    }


def memory_of_sixteen(count: int = 5000) -> int:
    """Return the MB of sixteen extract children and their parent after so many posts."""
    with loaded(INGEST_STORE="null", INGEST_EXTRACT_CONCURRENCY="16") as stack:
        stack.run(texts(count, size=TEXT_CHARACTERS, seed=7), together=BATCH_POSTS, mark="memory")
        return stack.memory()["extract"]


def _print(size: int, median: dict[str, float]) -> None:
    table = Table("row", title=f"posts of {size} characters, {CORES} cores")
    table.add_column("posts/s", justify="right")
    table.add_column("of NER alone", justify="right")
    for name, rate in median.items():
        table.add_row(name, f"{rate:.0f}", f"{rate / median['NER alone']:.2f}")
    Console(width=100).print(table)


def run_long(count: int) -> None:
    """
    Send very many posts, and print the throughput and the memory after each tenth.

    Lists need few requests, so many more requests follow to show the web processes' memory.
    """
    with loaded(INGEST_STORE="null") as stack:
        for tenth in range(10):
            some = texts(count // 10, size=TEXT_CHARACTERS, seed=100 + tenth)
            _, rate = stack.run(some, together=BATCH_POSTS, mark=f"long-{tenth}")
            memory = dict(sorted(stack.memory().items()))
            runner.print_figures({"tenth": tenth, "posts_per_s": round(rate), "mb": memory})
        for _ in range(6):
            stack.get_limits(20_000)
            runner.print_figures({"requests": 20_000, "web_mb": stack.memory()["web"]})


def main() -> int:
    """Measure what the command line asks for."""
    parser = runner.argument_parser("bench", "Compare the throughput with the model alone.")
    parser.add_argument("--long", action="store_true", help="send 100,000 posts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--posts", type=int, default=4000, help="of 1,300 characters")
    options = parser.parse_args()
    if options.long:
        run_long(LONG_POSTS)
        return 0
    small = bench(size=TEXT_CHARACTERS, count=options.posts, rounds=options.rounds)
    large = bench(size=LONG_TEXT_CHARACTERS, count=options.posts // 3, rounds=options.rounds)
    small["memory_16_children_mb"] = memory_of_sixteen()
    runner.print_figures({**small, "of_4000_characters": large})
    return 0


if __name__ == "__main__":
    sys.exit(main())
