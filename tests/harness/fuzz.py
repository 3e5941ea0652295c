"""
Malformed and random bodies sent to the API, while good posts flow.

    python -m tests.harness.fuzz [--bodies N] [--clients 8] [--seed 1]

The program runs the real stack. Clients send bodies that are cut, mutated, random, wrongly packed
or wrongly labelled, some of them to wrong addresses. Two other clients send good posts. At the end
every accepted good post must be saved, and every counter must agree with its posts. No answer may
be a 5xx. A random body that is a valid post counts as one. The program prints a table of the
answers and a line of JSON. Its status is 1 if anything is wrong.
"""

import gzip
import http.client
import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from ingest.client import ApiClient
from ingest.devstack import demo
from ingest.devstack.stack import Stack
from tests.harness import runner
from tests.support import servers
from tests.support.bad_bodies import BAD, CURSOR, GOOD, POST
from tests.support.stores import firestore_of, new_project, project_settings

STEADY = "The Steady Paper"  # whose posts are good
BATCH_POSTS = 5  # good posts of one request
MAX_BODY_BYTES = 200_000  # of most bodies; one in twenty may have more
NO_ANSWER = 0  # as a status

TYPES = ("application/xml", "*/*", ";", 'a/b;c="', "application/json;charset=ä", "text/json")
METHODS = ("GET", "GET", "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "POST", "BREW")
ADDRESSES = (
    "posts/{}",
    "posts/{}?receipt={}",
    "publications/{}/entities?cursor={}",
    "publications/The%20Gazette/entities?limit=7&cursor={1}",
    "{}",
    "limits?{}",
)
# What programs often get wrong: tab, NUL, right to left, half of a pair, emoji, a lone accent.
ODD = "\t\0A\u202e\ud800\U0001f600\u0301"

Headers = dict[str, str]
Request = tuple[str, str, bytes, Headers]  # method, address, body, headers


@dataclass(frozen=True)
class Result(runner.Result):
    """What a run ended with; `answers_5xx`, `good_posts_lost` and `counters_wrong` must be 0."""

    requests: int
    answers_5xx: int
    good_posts: int
    good_posts_lost: int
    counters_wrong: int
    answers: dict[int, int]

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, and good posts really flowed."""
        wrong = self.answers_5xx + self.good_posts_lost + self.counters_wrong
        return not wrong and self.good_posts > 0

    def figures(self) -> dict[str, Any]:
        """Return all but the answers, which have a table of their own."""
        return {name: value for name, value in vars(self).items() if name != "answers"}


class Fuzzer:
    """Invents requests, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._kinds: list[Callable[[], Request]] = [
            self._from_the_table,
            self._mutated,
            self._mutated,
            self._cut,
            self._bytes,
            self._json,
            self._json,
            self._lines,
            self._packed,
            self._mislabelled,
            self._misaddressed,
        ]

    def request(self) -> Request:
        """Return the next request."""
        return self._chance.choice(self._kinds)()

    def _post(self, body: bytes, **headers: str) -> Request:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return "POST", "/api/posts", body, {"Content-Type": "application/json", **named}

    def _from_the_table(self) -> Request:
        bad = self._chance.choice(BAD)
        if len(bad.body) > MAX_BODY_BYTES and self._chance.random() < 0.95:
            return self._mutated()
        packed = {"Content_Encoding": bad.encoding} if bad.encoding else {}
        return self._post(bad.body, Content_Type=bad.content_type, **packed)

    def _mutated(self) -> Request:
        posts = [self._article() for _ in range(self._chance.choice([1, 3]))]
        body = bytearray(json.dumps(posts).encode())
        for _ in range(self._chance.randint(1, 8)):
            place = self._chance.randrange(len(body))
            if self._chance.random() < 0.5:
                body[place] = self._chance.randrange(256)
            else:
                body[place:place] = self._chance.randbytes(self._chance.randrange(4))
        return self._post(bytes(body))

    def _cut(self) -> Request:
        body = json.dumps(self._article()).encode()
        return self._post(body[: self._chance.randrange(len(body))])

    def _bytes(self) -> Request:
        return self._post(self._chance.randbytes(self._chance.choice([0, 1, 10, 1000, 50_000])))

    def _json(self) -> Request:
        fields = [*POST, "id", "url", "title", "published_at", "language", self._text()]
        some = self._chance.sample(fields, self._chance.randrange(len(fields)))
        body = json.dumps({**POST, **{name: self._value(3) for name in some}})
        return self._post(body.encode("utf-8", "surrogatepass"))

    def _lines(self) -> Request:
        lines = [self._chance.choice((self._mutated, self._cut, self._json))()[2] for _ in range(9)]
        return self._post(b"\n".join(lines), Content_Type="application/x-ndjson")

    def _packed(self) -> Request:
        _, _, body, headers = self._chance.choice((self._mutated, self._lines))()
        packed = bytearray(gzip.compress(body, compresslevel=1))
        if self._chance.random() < 0.7:
            packed[self._chance.randrange(len(packed))] ^= 1 << self._chance.randrange(8)
        return "POST", "/api/posts", bytes(packed), {**headers, "Content-Encoding": "gzip"}

    def _mislabelled(self) -> Request:
        packed = self._chance.choice(["", "br", "gzip"])
        return self._post(GOOD, Content_Type=self._chance.choice(TYPES), Content_Encoding=packed)

    def _misaddressed(self) -> Request:
        odd = "".join(f"%{byte:02x}" for byte in self._chance.randbytes(self._chance.randrange(40)))
        if self._chance.random() < 0.5:
            odd = f"{self._chance.getrandbits(128):032x}"
        address = self._chance.choice(ADDRESSES).format(odd, self._chance.choice([odd, CURSOR]))
        return self._chance.choice(METHODS), f"/api/{address}", b"", {}

    def _article(self) -> dict[str, Any]:
        number = self._chance.randrange(1000)
        return {**POST, "id": f"odd {number}", "content": f"{self._text()} Obama met Macron."}

    def _text(self) -> str:
        return "".join(self._chance.choices(ODD, k=self._chance.choice([0, 1, 5, 20])))

    def _value(self, depth: int) -> Any:
        simple = [None, True, -1, 10**30, 1e308, self._text(), "2026-05-01T10:00:00Z", "en"]
        if depth and self._chance.random() < 0.3:
            return [self._value(depth - 1)] * self._chance.randrange(3)
        if depth and self._chance.random() < 0.2:
            return {self._text(): self._value(depth - 1)}
        return self._chance.choice(simple)


def send_bad(stack: Stack, key: str, *, seed: int, bodies: int) -> Counter[int]:
    """Send invented requests, and count the answers by status."""
    fuzzer, answers = Fuzzer(seed), Counter[int]()
    address = stack.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=60)
    for _ in range(bodies):
        method, path, body, headers = fuzzer.request()
        sent = {"Authorization": f"Bearer {key}", **headers}
        try:
            connection.request(method, path, body, {n: v.encode() for n, v in sent.items()})
            response = connection.getresponse()
            response.read()
            answers[response.status] += 1
            if response.status >= 500:
                print(response.status, method, path, body[:200], headers, flush=True)
        except (OSError, http.client.HTTPException):
            # The server ends a connection whose body it refuses to read.
            connection.close()
            answers[NO_ANSWER] += 1
    connection.close()
    return answers


@contextmanager
def good_posts(client: ApiClient, *, senders: int = 2) -> Iterator[set[str]]:
    """Send good posts while a block runs, and yield the ids of those that were accepted."""
    accepted: set[str] = set()
    numbers, over = count(), threading.Event()

    def send() -> None:
        while not over.is_set():
            some = [next(numbers) for _ in range(BATCH_POSTS)]
            texts = [f"Obama met Macron in Oslo for the {n}th time." for n in some]
            posts = [{"publication": STEADY, "content": text} for text in texts]
            # If the server ends the connection, it has accepted nothing.
            with suppress(requests.ConnectionError):
                accepted.update(answer["id"] for answer in client.submit(posts))
            over.wait(0.2)

    with ThreadPoolExecutor(senders) as threads:
        sending = [threads.submit(send) for _ in range(senders)]
        try:
            yield accepted
        finally:
            over.set()
        for one in sending:
            one.result()


def fuzz(stack: Stack, client: ApiClient, *, seed: int, bodies: int, clients: int) -> Result:
    """Send bad bodies from several clients while good posts flow, and judge the result."""
    made = stack.manage("api_key", "create", f"fuzz {seed}", "--scope", "submit", "--scope", "read")
    key = made.split()[-1]
    with good_posts(client) as accepted, ThreadPoolExecutor(clients) as threads:
        share = [bodies // clients + (n < bodies % clients) for n in range(clients)]
        sending = [
            threads.submit(send_bad, stack, key, seed=seed * 1000 + n, bodies=own)
            for n, own in enumerate(share)
        ]
        answers = sum((one.result() for one in sending), Counter[int]())
    demo.await_empty(client)
    store = firestore_of(stack.environment["INGEST_FIRESTORE_PROJECT"])
    wrong = sum(len(store.recount(p.name).diff.entities) for p in store.publications())
    return Result(
        requests=answers.total(),
        answers_5xx=sum(times for status, times in answers.items() if status >= 500),
        good_posts=len(accepted),
        good_posts_lost=sum(store.post(post_id) is None for post_id in accepted),
        counters_wrong=wrong,
        answers=dict(sorted(answers.items())),
    )


@contextmanager
def running(folder: Path) -> Iterator[tuple[Stack, ApiClient]]:
    """Run a stack on the emulator, with a project of its own."""
    settings = {
        **project_settings(new_project()),
        "INGEST_EXTRACT_CONCURRENCY": "2",
        "INGEST_MERGE_SECONDS": "2",
        "INGEST_CLIENT_SECONDS": "5",
        # The store is slow because everything shares one machine.
        "INGEST_STORE_SECONDS": "60",
        # A full queue would rightly answer with 503, which counts as a fault here.
        "INGEST_QUEUE_LIMIT": "1000000",
        # So would be a 429 for one of many requests without a key.
        "INGEST_STRANGER_REQUESTS_PER_MINUTE": "0",
    }
    with runner.prepared_stack(folder, settings) as (stack, client, _):
        stack.start()
        yield stack, client


def main() -> int:
    """Do one run, and print its result."""
    parser = runner.argument_parser("fuzz", "Send bodies that are no posts.")
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        runner.temporary_folder("fuzz") as folder,
        servers.emulator(),
        running(folder) as (stack, client),
    ):
        result = fuzz(stack, client, **vars(options))
        if not result.right:
            runner.keep_log(stack.log, "fuzz.log")
    table = Table("answer", "times")
    for status, times in result.answers.items():
        words = http.client.responses.get(status, "connection closed")
        table.add_row(f"{status or '-'} {words}", str(times))
    Console().print(table)
    runner.print_figures(result.figures())
    return runner.exit_status([result])


if __name__ == "__main__":
    sys.exit(main())
