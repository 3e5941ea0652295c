"""
The time from a live post's request until it is saved, without and with an archive in the queues.

    python -m tests.harness.live_latency [--bulk N] [--live N] [--on embedded rabbitmq]

The program runs the real stack. It first sends live posts alone, one after another. Then it sends
N bulk posts, and live posts again while the bulk posts wait. It prints a line of JSON and a row
for each. Its status is 1 if the bulk posts ended first, or if a post is missing at the end.
"""

import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack.stack import wait_until
from tests.harness import runner
from tests.support.sender import is_empty, status_of

LIST_POSTS = 100  # of one request
FILL_PAUSE_SECONDS = 1
POLL_SECONDS = 0.02
SETTLE_SECONDS = 3600
GAP_SECONDS = 0.5  # between two live posts


@dataclass(frozen=True)
class Result(runner.Result):
    """The times of live posts in seconds, and how many bulk messages waited meanwhile."""

    broker: str
    bulk_posts: int
    live_posts: int
    median: float
    p95: float
    longest: float
    waiting_at_first: int
    waiting_at_last: int
    bulk_posts_per_second: float
    missing: int

    @property
    def right(self) -> bool:
        """Whether no post is missing, and the archive lasted as long as the measurement."""
        return not self.missing and (not self.bulk_posts or self.waiting_at_last > 0)


def posts_of(count: int, *, name: str, priority: str) -> Iterator[dict[str, str]]:
    """Yield posts with ids of their own, the samples in turn."""
    texts = list(samples.read())
    for number in range(count):
        sample = {**texts[number % len(texts)], "id": f"{name} {number}", "priority": priority}
        yield {**sample, "publication": name}


def fill(client: ApiClient, count: int) -> None:
    """Send bulk posts, and wait whenever the queues are full."""
    posts = list(posts_of(count, name="archive", priority="bulk"))
    for start in range(0, count, LIST_POSTS):
        while True:
            try:
                client.submit(posts[start : start + LIST_POSTS])
                break
            except ApiError as error:
                time.sleep(error.retry_after or FILL_PAUSE_SECONDS)


def seconds_until_saved(client: ApiClient, post: dict[str, str]) -> float:
    """Send a post alone, and return how long it took until its status said saved."""
    began = time.monotonic()
    (answer,) = client.submit([post])
    path = str(answer["url"]).removeprefix("/api/posts/")
    while client.post(path)["status"] != "saved":
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def waiting_bulk(client: ApiClient) -> int:
    """Return how many messages of bulk posts wait."""
    waiting = status_of(client).get("waiting", {})
    return sum(number for queue, number in waiting.items() if queue.endswith(".bulk"))


def measure(client: ApiClient, broker: str, *, bulk: int, live: int, name: str) -> Result:
    """Send bulk posts, then live posts while they wait, and return the times of the live ones."""
    fill(client, bulk)
    began, first = time.monotonic(), waiting_bulk(client)
    done_before = saved(client, "archive")
    times = []
    for post in posts_of(live, name=name, priority="live"):
        times.append(seconds_until_saved(client, post))
        time.sleep(GAP_SECONDS)
    last, done = waiting_bulk(client), saved(client, "archive") - done_before
    elapsed = time.monotonic() - began
    wait_until(lambda: is_empty(client), seconds=SETTLE_SECONDS, what="the queues are empty")
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return Result(
        broker=broker,
        bulk_posts=bulk,
        live_posts=live,
        median=round(statistics.median(times), 2),
        p95=round(cuts[-1], 2),
        longest=round(max(times), 2),
        waiting_at_first=first,
        waiting_at_last=last,
        bulk_posts_per_second=round(done / elapsed, 1),
        missing=bulk + live - saved(client, "archive") - saved(client, name),
    )


def saved(client: ApiClient, publication: str) -> int:
    """Return how many posts of a publication are saved."""
    return sum(found["posts"] for found in client.publications() if found["name"] == publication)


def rounds(options: Namespace) -> Iterator[Result]:
    """Measure without and with bulk posts on each broker."""
    for broker in options.on:
        settings = {"INGEST_STORE": "sql", "INGEST_QUEUE_LIMIT": str(options.bulk + 1000)}
        with (
            runner.temporary_folder("latency") as folder,
            runner.prepared_stack(folder, settings, broker=broker) as (stack, client, _),
        ):
            stack.start()
            wait_until(lambda: is_empty(client), seconds=60, what="the queues are there")
            seconds_until_saved(client, next(posts_of(1, name="first", priority="live")))
            for name, bulk in (("alone", 0), ("beside", options.bulk)):
                yield measure(client, broker, bulk=bulk, live=options.live, name=name)


def main() -> int:
    """Measure what the command line asks for."""
    parser = runner.argument_parser("live_latency", "Measure live posts beside an archive.")
    parser.add_argument("--bulk", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=200)
    parser.add_argument("--on", nargs="+", default=runner.BROKERS, choices=runner.BROKERS)
    return runner.exit_status(runner.run_rounds(rounds(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
