"""The store in SQL under several processes, kills and locks; on SQLite and on PostgreSQL."""

import json
import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from django.db import OperationalError, transaction

from ingest.devstack.stack import Stack
from ingest.store.base import StoreUnavailable
from ingest.store.sql.store import SqlStore
from tests.support import prepared
from tests.support.factories import entity, with_entities
from tests.support.postgresql import PostgreSQL
from tests.support.programs import start
from tests.support.stores import mentions

SAVERS, POSTS, ROUNDS = 4, 120, 3
UNREACHABLE = "postgresql://nobody:secret@127.0.0.1:1/nothing"

# SQLite lets one of its writers wait longer than the others. On a busy machine that is longer than
# the service waits before it tries again.
PATIENT = """
from ingest.store.sql.database import database
if database().vendor == "sqlite":
    database().settings_dict["OPTIONS"]["timeout"] = 60
"""

# Each saver brings every post some times, in an order and in batches of its own. A third of the
# posts are edited, and a tenth are deleted. So savers meet at posts and at counters.
SAVE = """
import json, random, sys
from datetime import timedelta
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from tests.support.factories import NOON, entity, with_entities

seed, posts, rounds = map(int, sys.stdin.readline().split())
chance, store, added, refused = random.Random(seed), open_store(), 0, []

def post(number, minutes=0):
    names = [entity(f"Name {(number + n) % 17}", 1 + (number + minutes) % 3) for n in range(6)]
    at = NOON + timedelta(minutes=minutes)
    paper = f"Paper {number % 3}"
    day = at - timedelta(days=number % 40)
    return with_entities(
        str(number), names, publication=paper, accepted_at=at, published_at=day
    )

for _ in range(rounds):
    events = [post(n) for n in range(posts)] + [post(n, 1) for n in range(0, posts, 3)]
    chance.shuffle(events)
    while events:
        batch, events = events[:20], events[20:]
        try:
            added += store.add(batch)
        except StoreUnavailable as error:
            refused.append(str(error))
            events += batch
    for number in range(0, posts, 10):
        store.remove(post(number).post_id, at=NOON + timedelta(minutes=2))
    print("round", flush=True)
print(json.dumps({"added": added, "refused": refused}))
"""

# It writes packs of the smallest days, so that savers often change a day that has one.
PACK = """
import sys, threading
from ingest.core.posts import publication_id
from ingest.store import open_store
from ingest.store.sql import packs

packs.LEAST_POSTS, done, left = 1, threading.Event(), [1]
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
papers = [f"Paper {number}" for number in range(3)]
for paper in papers:
    open_store().name_publication(paper)
while any(left) or not done.is_set():
    left = [open_store().prepare_windows(publication_id(paper), limit=20) for paper in papers]
"""

RECOUNT = """
import json
from ingest.core.day_window import DayWindow
from ingest.store import open_store
from ingest.store.base import EntityFilter
store = open_store()
papers = store.publications()
print(json.dumps({
    "posts": sum(paper.posts for paper in papers),
    "wrong": sum(bool(store.recount(paper.name).diff) for paper in papers),
    "lost": [
        entity.text
        for paper in papers
        for entity in store.entities(paper.name, EntityFilter(limit=99))
        if len(store.posts_mentioning(entity.id, name=paper.name, limit=999)) != entity.posts
    ],
    "wrong_windows": [
        (window.since, window.until)
        for paper in papers
        for window in [*(DayWindow(day) for day in paper.days), DayWindow()]
        for entity in store.entities_within(paper.name, window, EntityFilter(limit=99)).entities
        for [counted] in [store.entities_by_id(paper.name, [entity.id])]
        if window.total(counted.post_days) != entity.posts
    ],
}))
"""
EXACT = {"posts": POSTS - POSTS // 10, "wrong": 0, "lost": [], "wrong_windows": []}


@pytest.fixture(params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Stack:
    """Return a stack whose counts are in each database, without its processes."""
    own = {"INGEST_STORE": "sql"}
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        own["INGEST_DATABASE_URL"] = server.new_database()
    stack = Stack(tmp_path, own)
    prepared.migrate(stack)
    return stack


def recount(stack: Stack) -> object:
    return json.loads(start(stack, RECOUNT).communicate(timeout=120)[0])


def test_posts_that_many_processes_add_edit_and_delete_count_once(stack: Stack) -> None:
    packer = start(stack, PATIENT + PACK)
    savers = [start(stack, PATIENT + SAVE) for _ in range(SAVERS)]
    for seed, saver in enumerate(savers):
        assert saver.stdin
        saver.stdin.write(f"{seed} {POSTS} {ROUNDS}\n")
        saver.stdin.flush()
    said = [json.loads(saver.communicate(timeout=300)[0].splitlines()[-1]) for saver in savers]
    assert [one["refused"] for one in said] == [[]] * SAVERS, "savers waited in a circle"
    packer.communicate(timeout=120)
    assert packer.returncode == 0
    assert recount(stack) == EXACT


def test_savers_that_are_killed_leave_no_wrong_counter(stack: Stack) -> None:
    chance = random.Random(1)
    for seed in range(6):
        victim = start(stack, PATIENT + SAVE)
        assert victim.stdin
        assert victim.stdout
        victim.stdin.write(f"{seed} {POSTS} 99\n")
        victim.stdin.flush()
        for _ in range(chance.randrange(1, 3)):
            assert victim.stdout.readline() == "round\n"
        timer = threading.Timer(chance.random() / 5, victim.kill)
        timer.start()
        victim.communicate(timeout=60)
        assert victim.returncode == -9
    assert recount(stack) == EXACT


EXPORT = """
import json
from threading import Thread
from ingest.analytics import export
from ingest.analytics.entity_list import EntityQuery
from ingest.store import open_store
from tests.support.factories import entity, with_entities
export.MAX_LIMIT = 1  # ten entities a page
store = open_store()
store.add([with_entities("1", [entity(f"Name {n}", n) for n in range(1, 26)])])
pages = export._pages(store, store.publication("The Gazette"), EntityQuery())
found = [next(pages)]
late = with_entities("2", [entity("Name 1", 99)])
thread = Thread(target=lambda: store.add([late]))
thread.start()
thread.join()
found += pages
print(json.dumps({
    "before": [[page.posts, e.mentions] for page in found for e in page.entities],
    "after": store.publication("The Gazette").posts,
}))
"""


def test_an_export_shows_one_time_while_posts_are_added(stack: Stack) -> None:
    said = json.loads(start(stack, EXPORT).communicate(timeout=60)[0].splitlines()[-1])
    assert said == {"before": [[1, n] for n in range(25, 0, -1)], "after": 2}


def test_a_commit_whose_answer_was_lost_counts_once(
    sql: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    exit_ = transaction.Atomic.__exit__

    def lose_answer(self: transaction.Atomic, *error: object) -> None:
        exit_(self, *error)  # type: ignore[arg-type]
        raise OperationalError("the answer was lost")

    post = with_entities("1", [entity("Obama", 2)])
    sql.add([with_entities("0")])
    with monkeypatch.context() as line:
        line.setattr(transaction.Atomic, "__exit__", lose_answer)
        with pytest.raises(StoreUnavailable):
            sql.add([post])
    assert sql.add([post]) == 0
    assert mentions(sql, "The Gazette") == {"obama": (2, 1)}


WHILE_LOCKED = """
import json
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from tests.support.factories import with_entities
store = open_store()
read = len(store.publications())
try:
    store.add([with_entities("2")])
except StoreUnavailable as error:
    print(json.dumps([read, str(error)]))
"""


def test_a_locked_sqlite_makes_savers_wait_and_not_readers(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "sql"})
    prepared.migrate(stack)
    start(stack, PATIENT + SAVE).communicate("1 30 1\n", timeout=60)
    with closing(sqlite3.connect(tmp_path / "counts.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = start(stack, WHILE_LOCKED).communicate(timeout=60)[0]
    read, error = json.loads(said.splitlines()[-1])
    assert read == 3
    assert "database is locked" in error


def test_a_missing_table_is_unavailable_until_a_person_migrates(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "sql"})
    code = WHILE_LOCKED.replace("len(store.publications())", "0")
    said = start(stack, code).communicate(timeout=60)[0]
    assert "no such table" in said


def test_a_postgresql_that_is_away_is_unavailable(tmp_path: Path) -> None:
    away = Stack(tmp_path, {"INGEST_STORE": "sql", "INGEST_DATABASE_URL": UNREACHABLE})
    code = WHILE_LOCKED.replace("len(store.publications())", "0")
    assert "onnection" in start(away, code).communicate(timeout=60)[0]


CUT = """
import json
from django.db import connection
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from tests.support.factories import with_entities
store, refused = open_store(), []
store.add([with_entities("1")])
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_backend_pid()")
    (pid,) = cursor.fetchone()
from ingestsite.configuration import DATABASE
import psycopg
with psycopg.connect(**DATABASE, autocommit=True) as other:
    other.execute("SELECT pg_terminate_backend(%s)", [pid])
try:
    store.add([with_entities("2")])
except StoreUnavailable as error:
    refused.append(str(error))
print(json.dumps([len(refused), store.add([with_entities("2")])]))
"""


def test_a_saver_connects_again_after_its_connection_was_cut(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    stack = Stack(
        tmp_path, {"INGEST_STORE": "sql", "INGEST_DATABASE_URL": postgresql.new_database()}
    )
    prepared.migrate(stack)
    said = start(stack, CUT).communicate(timeout=60)[0]
    assert json.loads(said.splitlines()[-1]) == [1, 1]
