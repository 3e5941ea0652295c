"""
The time from a live post's request until it is saved, without and with an archive in the queues.

    python -m tests.harness.live_latency [--bulk N] [--live N] [--on embedded rabbitmq]

The program runs the real stack. It first sends live posts alone, one after another. Then it stops
the workers that extract, sends N bulk posts, and lets the workers go on. Live posts come again
while the archive waits. It prints a line of JSON and a row for each. Its status is 1 if the bulk
posts ended first, or if a post is missing.
"""

import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from prometheus_client.parser import text_string_to_metric_families

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack.stack import Stack, wait_until
from tests.harness import runner
from tests.support.processes import processes
from tests.support.sender import is_empty, status_of

LIST_POSTS = 100  # of one request
FILL_PAUSE_SECONDS = 1
POLL_SECONDS = 0.02
SETTLE_SECONDS = 3600
GAP_SECONDS = 0.2  # between two live posts
MEASURED = {"ingest_wait_seconds": "queue", "ingest_step_seconds": "step"}  # and their labels


@dataclass(frozen=True)
class Result(runner.Result):
    """
    The times of live posts in seconds, and how many bulk messages waited meanwhile.

    `extract_wait` and `save_wait` are the means of live messages in their queues, and the steps
    are the means of all batches, live and bulk.
    """

    broker: str
    bulk_posts: int
    live_posts: int
    median: float
    p95: float
    longest: float
    extract_wait: float
    extract_step: float
    save_wait: float
    save_step: float
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


@contextmanager
def no_extraction(stack: Stack) -> Iterator[None]:
    """Stop the processes that extract while a block runs, so that bulk posts wait."""
    stopped = [one for one in processes(stack) if "-Q extract" in " ".join(one.cmdline())]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            process.resume()


def measure(
    stack: Stack, client: ApiClient, broker: str, *, bulk: int, live: int, name: str
) -> Result:
    """Send bulk posts, then live posts while they wait, and return the times of the live ones."""
    if bulk:
        with no_extraction(stack):
            fill(client, bulk)
    began, first = time.monotonic(), waiting_bulk(client)
    done_before, sums_before = saved(client, "archive"), sums(stack, client)
    times = []
    for post in posts_of(live, name=name, priority="live"):
        times.append(seconds_until_saved(client, post))
        time.sleep(GAP_SECONDS)
    last, done = waiting_bulk(client), saved(client, "archive") - done_before
    elapsed = time.monotonic() - began
    means = means_since(sums_before, sums(stack, client))
    wait_until(lambda: is_empty(client), seconds=SETTLE_SECONDS, what="the queues are empty")
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return Result(
        broker=broker,
        bulk_posts=bulk,
        live_posts=live,
        median=round(statistics.median(times), 2),
        p95=round(cuts[-1], 2),
        longest=round(max(times), 2),
        **means,
        waiting_at_first=first,
        waiting_at_last=last,
        bulk_posts_per_second=round(done / elapsed, 1),
        missing=bulk + live - saved(client, "archive") - saved(client, name),
    )


Sums = dict[tuple[str, str], tuple[float, float]]  # seconds and their number, of a wait or step


def sums(stack: Stack, client: ApiClient) -> Sums:
    """Return what the workers have measured of each queue and each step so far."""
    text = requests.get(f"{stack.url}/metrics", headers=client.headers, timeout=60).text
    found: dict[tuple[str, str], dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name, _, kind = sample.name.rpartition("_")
            if name in MEASURED and kind in ("sum", "count"):
                key = (name, sample.labels[MEASURED[name]])
                own = found.setdefault(key, {"sum": 0.0, "count": 0.0})
                own[kind] += sample.value
    return {key: (own["sum"], own["count"]) for key, own in found.items()}


def means_since(before: Sums, after: Sums) -> dict[str, float]:
    """Return the mean seconds of each wait and step between two readings."""
    means = {}
    for metric, name in (("ingest_wait_seconds", "wait"), ("ingest_step_seconds", "step")):
        for step in ("extract", "save"):
            seconds, number = after.get((metric, step), (0.0, 0.0))
            earlier_seconds, earlier_number = before.get((metric, step), (0.0, 0.0))
            mean = (seconds - earlier_seconds) / max(1, number - earlier_number)
            means[f"{step}_{name}"] = round(mean, 2)
    return means


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
                yield measure(stack, client, broker, bulk=bulk, live=options.live, name=name)


def main() -> int:
    """Measure what the command line asks for."""
    parser = runner.argument_parser("live_latency", "Measure live posts beside an archive.")
    parser.add_argument("--bulk", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=200)
    parser.add_argument("--on", nargs="+", default=runner.BROKERS, choices=runner.BROKERS)
    return runner.exit_status(runner.run_rounds(rounds(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
