"""The throughput of a worker: its posts of the last minute."""

import os

import pytest

from ingest.observability import throughput
from ingest.observability.throughput import WINDOW_SECONDS, Throughput

NOON = 1_777_896_000.4


def test_the_posts_of_all_children_add_up() -> None:
    done = Throughput(2)
    for child, posts in ((0, 3), (1, 4), (0, 5), (7, 1)):
        done.add(child, posts, now=NOON)
    assert done.last_minute(now=NOON) == 13


def test_posts_older_than_a_minute_count_no_more() -> None:
    done = Throughput(1)
    done.add(0, 3, now=NOON)
    done.add(0, 4, now=NOON + 1)
    assert done.last_minute(now=NOON + WINDOW_SECONDS - 1) == 7
    assert done.last_minute(now=NOON + WINDOW_SECONDS) == 4
    done.add(0, 5, now=NOON + WINDOW_SECONDS)  # in the place of the first
    assert done.last_minute(now=NOON + WINDOW_SECONDS) == 9
    assert done.last_minute(now=NOON + 3 * WINDOW_SECONDS) == 0


def test_a_parent_sees_the_posts_of_its_child() -> None:
    done = Throughput(1)
    child = os.fork()
    if child == 0:
        done.add(0, 6, now=NOON)
        os._exit(0)
    os.waitpid(child, 0)
    assert done.last_minute(now=NOON) == 6


def test_a_worker_counts_once_its_memory_is_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "_throughput", None)
    throughput.record(3)
    assert throughput.last_minute() == 0
    throughput.prepare(children=2)
    throughput.record(3)
    assert throughput.last_minute() == 3
