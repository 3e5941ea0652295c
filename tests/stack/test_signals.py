"""A worker that is told to stop finishes what it has in hand, and gives the rest back."""

import os
import re
import signal
import uuid
from collections import Counter

import psutil

from ingest import samples
from ingest.client import ApiClient
from ingest.stack import demo
from ingest.stack.running import Stack, wait_until
from ingest.store.firestore import FirestoreStore
from tests.stack.finding import parent, processes, words

POSTS = list(samples.read())
# Both are warm; that Celery ends with 1 after SIGINT is its own way of saying which it was.
STATUS = {signal.SIGTERM: 0, signal.SIGINT: 1}
WAVE = 300  # posts sent before each signal

STOPS = [
    ("extract", signal.SIGTERM, "parent"),
    ("extract", signal.SIGINT, "group"),
    ("save", signal.SIGTERM, "group"),
    ("save", signal.SIGINT, "parent"),
]


def worker(stack: Stack, role: str) -> psutil.Process:
    """Return the main process of a worker."""
    own = [p for p in processes(stack) if f"-Q {role}" in words(p) and "hold" not in words(p)]
    pids = {p.pid for p in own}
    (main,) = (p for p in own if parent(p) not in pids)
    return main


def ready(stack: Stack, role: str) -> int:
    """Return how often a worker has said that it is ready: before, a signal only ends its start."""
    return len(re.findall(rf"{role}@\S+ ready", stack.log.read_text(errors="replace")))


def wave(client: ApiClient) -> set[str]:
    """Submit posts that nobody has seen, and return their ids."""
    return demo.submit(
        client, [{**POSTS[n % len(POSTS)], "id": uuid.uuid4().hex} for n in range(WAVE)]
    )


def test_a_signal_to_a_busy_worker_loses_nothing(stack: Stack, firestore: FirestoreStore) -> None:
    """Every stop is one of the same stack, whose holder starts the worker again."""
    client = stack.prepare()
    stack.start()
    accepted: set[str] = set()
    started = Counter(extract=1, save=1)
    for role, number, whom in STOPS:
        wait_until(lambda: ready(stack, role) == started[role], seconds=60, what=f"{role} is ready")  # noqa: B023
        main = worker(stack, role)
        accepted |= wave(client)
        wait_until(lambda: client.status()["in_work"] > 0, seconds=60, what="somebody is busy")
        if whom == "group":
            os.killpg(os.getpgid(main.pid), number)
        else:
            main.send_signal(number)
        main.wait(timeout=60)
        ended = f"process {main.pid} ended with status {STATUS[number]}"
        wait_until(lambda: ended in stack.log.read_text(), seconds=10, what=ended)  # noqa: B023
        started[role] += 1
    wait_until(lambda: bool(client.status()["empty"]), seconds=120, what="the queues are empty")
    saved = sum(publication.posts for publication in firestore.publications())
    assert saved == len(accepted) == WAVE * len(STOPS)
    assert client.status()["dead_letters"] == 0
    for publication in firestore.publications():
        assert not firestore.recount(publication.name).wrong
