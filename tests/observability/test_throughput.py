"""How many posts a worker has done in the last minute."""

import os

from ingest.observability.throughput import WINDOW_SECONDS, Throughput

NOON = 1_777_896_000.4


def test_the_posts_of_all_children_add_up() -> None:
    pace = Throughput(2)
    for child, posts in ((0, 3), (1, 4), (0, 5), (7, 1)):
        pace.add(child, posts, now=NOON)
    assert pace.last_minute(now=NOON) == 13


def test_what_is_older_than_a_minute_counts_no_more() -> None:
    pace = Throughput(1)
    pace.add(0, 3, now=NOON)
    pace.add(0, 4, now=NOON + 1)
    assert pace.last_minute(now=NOON + WINDOW_SECONDS - 1) == 7
    assert pace.last_minute(now=NOON + WINDOW_SECONDS) == 4
    pace.add(0, 5, now=NOON + WINDOW_SECONDS)  # in the place of the first
    assert pace.last_minute(now=NOON + WINDOW_SECONDS) == 9
    assert pace.last_minute(now=NOON + 3 * WINDOW_SECONDS) == 0


def test_what_a_child_counts_its_parent_sees() -> None:
    pace = Throughput(1)
    child = os.fork()
    if child == 0:
        pace.add(0, 6, now=NOON)
        os._exit(0)
    os.waitpid(child, 0)
    assert pace.last_minute(now=NOON) == 6
