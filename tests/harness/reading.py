"""
How long pages and the API take while posts are counted.

    python -m tests.harness.reading [--seconds N] [--rate N] [--store sql firestore]

The program saves 300 real articles, and reads `/metrics` at rest. Then it keeps the queue of the
sixteen extract processes full. Meanwhile it makes requests at an even rate, and reads `/metrics`
once a second. A request's time counts from when it was due. It prints a line of JSON and a row for
each store. Its status is 1 if an answer was not 200.
"""

import http.client
import sys
import threading
import time
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from statistics import median, quantiles
from urllib.parse import quote

from ingest.client import ApiClient
from ingest.devstack.stack import wait_until
from tests.harness import runner
from tests.harness.articles import PUBLICATIONS, articles
from tests.harness.bench import texts

WAITING_MESSAGES = 300  # in the queue, so that the extract processes never wait
LIST_POSTS = 100  # of one request
LOOK_SECONDS = 0.5  # between two looks at the queue
CONNECTIONS = 20
TEXT_CHARACTERS = 1300
METRICS = "/metrics"
SCRAPES_AT_REST = 50


@dataclass(frozen=True)
class Result(runner.Result):
    """Milliseconds of requests, and the posts saved a second meanwhile."""

    store: str
    requests: int
    median: float
    p95: float
    slowest_page: str
    its_p95: float
    metrics_at_rest: float
    metrics_median: float
    metrics_p95: float
    saved_per_second: float
    wrong_answers: dict[int, int]

    @property
    def right(self) -> bool:
        """Whether every answer was 200."""
        return not self.wrong_answers


class Reader:
    """Makes requests with a key, and keeps how long each address took."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._port, self._headers = port, dict(headers)
        self._own = threading.local()
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self.wrong_answers: Counter[int] = Counter()

    def read(self, path: str, *, due: float) -> None:
        """Make a request that was due at a time of `time.perf_counter()`."""
        if (status := self._status(path)) != 200:
            self.wrong_answers[status] += 1
        self.milliseconds[path].append(1000 * (time.perf_counter() - due))

    def _status(self, path: str) -> int:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection: http.client.HTTPConnection = self._own.connection
        connection.request("GET", path, headers=self._headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def paths(client: ApiClient) -> list[str]:
    """Return what a reader opens of the first publication: eight pages and four answers."""
    publication = client.publications()[0]
    first = next(client.entities(publication["name"]))["id"]
    post = next(client.posts(publication["name"]))["id"]
    page = f"/publications/{publication['id']}"
    own = f"/api/publications/{quote(publication['name'])}"
    return [
        *("/", page, f"{page}?since=2020-01-01", f"{page}/trends", f"{page}/posts"),
        *(f"/entities/{first}", f"/posts/{post}", "/search?q=aust"),
        *(own, f"{own}/entities", "/api/entities?q=aust", f"/api/entities/{first}"),
    ]


def waiting(client: ApiClient) -> int:
    """Return how many messages wait in the queues."""
    return sum(client.status()["waiting"].values())


def saved(client: ApiClient) -> int:
    """Return how many posts count."""
    return sum(publication["posts"] for publication in client.publications())


@contextmanager
def busy(client: ApiClient) -> Iterator[None]:
    """Keep posts waiting for the extract processes while a block runs."""
    stop = threading.Event()

    def fill() -> None:
        number = 0
        while not stop.is_set():
            if waiting(client) < WAITING_MESSAGES:
                some = texts(LIST_POSTS, size=TEXT_CHARACTERS, seed=number)
                client.submit([{"publication": PUBLICATIONS[0], "content": text} for text in some])
                number += 1
            else:
                stop.wait(LOOK_SECONDS)

    with ThreadPoolExecutor(1) as thread:
        filling = thread.submit(fill)
        try:
            yield
        finally:
            stop.set()
        filling.result()  # or why it ended


def measure(client: ApiClient, port: int, store: str, options: Namespace) -> Result:
    """Read beside the load, and return how long that took."""
    reader, scraper = Reader(port, client.headers), Reader(port, client.headers)
    every = cycle(paths(client))
    for _ in range(SCRAPES_AT_REST):
        scraper.read(METRICS, due=time.perf_counter())
    at_rest = scraper.milliseconds.pop(METRICS)
    with busy(client), ThreadPoolExecutor(CONNECTIONS) as threads:
        wait_until(lambda: waiting(client) > WAITING_MESSAGES / 2, seconds=60, what="posts wait")
        before, began = saved(client), time.perf_counter()
        read = []
        for number in range(options.seconds * options.rate):
            due = began + number / options.rate
            time.sleep(max(0, due - time.perf_counter()))
            read.append(threads.submit(reader.read, next(every), due=due))
            if number % options.rate == 0:
                read.append(threads.submit(scraper.read, METRICS, due=due))
        for one in read:
            one.result()  # or what was wrong with it
        rate = (saved(client) - before) / (time.perf_counter() - began)
    by_path = {path: quantiles(times, n=20)[-1] for path, times in reader.milliseconds.items()}
    slowest = max(by_path, key=by_path.__getitem__)
    times = [one for own in reader.milliseconds.values() for one in own]
    scrapes = scraper.milliseconds[METRICS]
    return Result(
        store,
        len(times),
        round(median(times), 1),
        round(quantiles(times, n=20)[-1], 1),
        slowest,
        round(by_path[slowest], 1),
        round(median(at_rest), 1),
        round(median(scrapes), 1),
        round(quantiles(scrapes, n=20)[-1], 1),
        round(rate, 1),
        dict(reader.wrong_answers + scraper.wrong_answers),
    )


def rounds(options: Namespace) -> Iterator[Result]:
    """Measure each store in a stack of its own."""
    for store in options.store:
        with (
            runner.temporary_folder("reading") as folder,
            runner.prepared_stack(folder, {"INGEST_STORE": store}) as (stack, client, _),
        ):
            stack.start()
            names = cycle(PUBLICATIONS)
            posts = [{"publication": next(names), "content": text} for text in articles()]
            for first in range(0, len(posts), LIST_POSTS):
                client.submit(posts[first : first + LIST_POSTS])
            wait_until(lambda: client.status()["empty"], seconds=120, what="all are saved")
            yield measure(client, int(stack.environment["INGEST_WEB_PORT"]), store, options)


def main() -> int:
    """Measure, and print the figures."""
    parser = runner.argument_parser("reading", "Time pages and answers beside a load.")
    parser.add_argument("--seconds", type=int, default=60, help="of reading (%(default)s)")
    parser.add_argument("--rate", type=int, default=50, help="requests a second (%(default)s)")
    parser.add_argument("--store", nargs="+", choices=("sql", "firestore"), default=["sql"])
    return runner.exit_status(runner.run_rounds(rounds(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
