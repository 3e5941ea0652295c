"""
Simulate publishers for a time, and check that everything they sent is counted exactly.

    python -m ingest.devstack.simulate [--seconds 60] [--rate 20] [--seed 1] [--url URL --key KEY]

Every post is a story whose mentions are known beforehand, so the expected counts need no model.
Runs its own stack, or uses the one at a URL, where each run has its own publications. Prints a
table and a line of JSON. Exits 0 only if no post was lost or counted twice and every counter is
right.
"""

import json
import secrets
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from ingest.client import ApiClient, ApiError
from ingest.client.answers import ApiResult
from ingest.core.posts import publication_key
from ingest.devstack.demo import await_empty, counted_of, differences
from ingest.devstack.publishers import Publisher, publishers
from ingest.devstack.stack import Stack, WaitTimeout

LOOKUP_THREADS = 8
SAMPLE_SIZE = 20  # wrong counters that are printed
PAUSE_SECONDS = 1  # between two requests, where the server names no time


@dataclass
class SimulatedClient:
    """A publisher that sends posts, and the results it was given."""

    publisher: Publisher
    ids: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)

    def run(self, client: ApiClient, *, rate: float, until: float) -> None:
        """Send posts at a rate, in the publisher's order, until a time."""
        due = time.monotonic()
        for posts in self.publisher.requests():
            self._note(_send(client, posts))
            due += len(posts) / rate
            if due > until:
                return
            time.sleep(max(0.0, due - time.monotonic()))

    def _note(self, results: Sequence[ApiResult]) -> None:
        self.answers.update(result["status"] for result in results)
        self.ids.update(result["id"] for result in results if result["status"] != "refused")


def _send(client: ApiClient, posts: Sequence[dict[str, Any]]) -> list[ApiResult]:
    """Send posts until the API answers, as a careful publisher does."""
    while True:
        try:
            return client.submit(posts)
        except requests.RequestException:
            time.sleep(PAUSE_SECONDS)
        except ApiError as error:
            if error.status not in (429, 503):
                raise
            time.sleep(error.retry_after or PAUSE_SECONDS)


@dataclass(frozen=True)
class PublisherVerdict:
    """The results of one publisher's posts."""

    name: str
    sent: int
    accepted: int
    repeated: int
    edited: int
    refused: int
    saved: int
    dead: int
    lost: int
    doubled: int
    counters_wrong: int

    @property
    def right(self) -> bool:
        """Whether every post is counted once, and no other post."""
        return not self.lost + self.dead + self.doubled + self.counters_wrong


def judge(sender: SimulatedClient, client: ApiClient) -> PublisherVerdict:
    """Compare what one publisher sent with its counts."""
    publisher = sender.publisher
    with ThreadPoolExecutor(LOOKUP_THREADS) as threads:
        statuses = Counter(threads.map(lambda post_id: _status(client, post_id), sender.ids))
    saved = _posts_of(client, publisher.name)
    wrong = differences(
        counted_of(client, publisher.name) if saved else Counter(), publisher.mentions()
    )
    for line in wrong[:SAMPLE_SIZE]:
        print(line)
    expected, sent = len(publisher.expected), publisher.sent
    wrong_answers = abs(sender.answers["refused"] - sent["bad"]) + abs(len(sender.ids) - expected)
    return PublisherVerdict(
        name=publisher.name,
        sent=sent.total() - sent["edited"],
        accepted=expected,
        repeated=sent["repeated"],
        edited=sent["edited"],
        refused=sender.answers["refused"],
        saved=statuses["saved"],
        dead=statuses["dead"],
        lost=expected - statuses["saved"] - statuses["dead"],
        doubled=max(0, saved - expected),
        counters_wrong=len(wrong) + wrong_answers,
    )


def _status(client: ApiClient, post_id: str) -> str:
    try:
        return str(client.post(post_id)["status"])
    except ApiError:
        return "nothing"


def _posts_of(client: ApiClient, name: str) -> int:
    key = publication_key(name)
    found = (p["posts"] for p in client.publications() if publication_key(p["name"]) == key)
    return int(next(found, 0))


def simulate(
    client: ApiClient, *, seconds: float, rate: float, seed: int
) -> list[PublisherVerdict]:
    """Let publishers send for some seconds at a common rate, and judge the counts of each."""
    senders = [SimulatedClient(one) for one in publishers(secrets.token_hex(4), seed=seed)]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(len(senders)) as threads:
        futures = [
            threads.submit(sender.run, client, rate=rate / len(senders), until=until)
            for sender in senders
        ]
        for future in futures:
            future.result()
    await_empty(client)
    return [judge(sender, client) for sender in senders]


def show(verdicts: Sequence[PublisherVerdict]) -> dict[str, int]:
    """Print a table with a row for each publisher, and return the sums."""
    names = [name for name in vars(verdicts[0]) if name != "name"]
    sums = {name: sum(vars(one)[name] for one in verdicts) for name in names}
    table = Table("publisher", title="posts of publishers, and their counts")
    for name in names:
        table.add_column(name, justify="right")
    for one in verdicts:
        table.add_row(one.name, *(str(vars(one)[name]) for name in names))
    table.add_section()
    table.add_row("all", *map(str, sums.values()))
    Console(width=130).print(table)
    return sums


@contextmanager
def own_stack() -> Iterator[ApiClient]:
    """Run a stack while a block runs, and yield its client."""
    with tempfile.TemporaryDirectory(prefix="ingest-simulate-") as folder:
        stack = Stack(Path(folder))
        client = stack.prepare()
        try:
            stack.start()
            yield client
        finally:
            stack.stop()


def main() -> int:
    """Read the command line, simulate, and print the results."""
    parser = ArgumentParser(prog="ingest simulate")
    parser.add_argument("--seconds", type=float, default=60, help="(%(default)s)")
    parser.add_argument(
        "--rate",
        type=float,
        default=20,
        help="posts a second of all publishers together (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--url", help="URL of a running stack (default: start one)")
    parser.add_argument("--key", default="", help="API key for that stack")
    options = parser.parse_args()
    what = {"seconds": options.seconds, "rate": options.rate, "seed": options.seed}
    try:
        if options.url:
            verdicts = simulate(ApiClient(options.url, options.key), **what)
        else:
            with own_stack() as client:
                verdicts = simulate(client, **what)
    except (ApiError, WaitTimeout) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(show(verdicts)))
    return 0 if all(one.right for one in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
