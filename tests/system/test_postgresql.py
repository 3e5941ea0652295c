"""PostgreSQL in place of SQLite: everything is as exact on the one as on the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

from ingest.devstack.stack import Stack
from ingestsite.configuration import ROOT
from tests.support import prepared
from tests.support.postgresql import PostgreSQL
from tests.support.programs import start
from tests.support.rabbitmq import RabbitMQ

PROCESSES, POSTS = 3, 30
# The tests of everything that is a row in the database.
ROW_TESTS = (
    "broker/test_rate_limit",
    "management/test_commands",
    "operations/test_alias_backfill",
    "operations/test_alias_suggestions",
    "analytics/test_trends",
    "store/test_contract",
    "store/test_deadline",
    "store/test_name_search",
    "store/test_reader",
    "store/test_revisions",
    "worker/test_crash_counter",
    "worker/test_failure_isolation",
)

WRITE = """
import json, random, time
from django.db import connection
from ingest.broker import publish, rate_limit
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import IntakePaused
from ingest.models import ApiKey, Step
from ingest.worker.crash_counter import count_crashes
from ingest.worker.steps import retry_until_available
from tests.support.factories import accepted

_, count = rate_limit.COUNTERS
key, _ = ApiKey.objects.get_or_create(name="shared")
allowed = sum(count(key.pk)[0] <= 100 for _ in range(60))

posts, crashes = list("abcdef"), []
for _ in range(40):
    with count_crashes(Step.SAVE, random.sample(posts, 4)) as most:
        crashes.append(most)

post, enqueued, refused = accepted("Oslo."), 0, 0
while enqueued < POSTS or not refused:
    try:
        with get_admission().admit() as producer:
            publish.enqueue([post], through=producer)
        enqueued += 1
    except IntakePaused:
        refused += 1
        time.sleep(0.01)

tries = []
def lose_the_connection():
    tries.append(1)
    with connection.cursor() as cursor:
        end = "SELECT pg_terminate_backend(pg_backend_pid())"
        cursor.execute(end if len(tries) == 1 else "SELECT 1")
retry_until_available(lose_the_connection)

said = {"allowed": allowed, "crashes": crashes, "refused": refused, "tries": len(tries)}
print(json.dumps(said))
"""

PAUSE = """
import json, select, sys, time
from contextlib import suppress
from django.utils import timezone
from ingest.broker.admission import get_admission
from ingest.broker.admission.rabbitmq import _ready
from ingest.broker.connection import BrokerUnavailable, unavailable_on_error
from ingest.broker.publish import EXTRACT
from ingest.models import CrashCount, InFlightRequest

def waiting():
    while True:  # a queue that RabbitMQ has just made may not answer yet
        with suppress(BrokerUnavailable), unavailable_on_error():
            return _ready()[0][EXTRACT]

def pause_and_resume():
    get_admission().pause("operator")
    while InFlightRequest.objects.filter(ends_at__gt=timezone.now()).exists():
        time.sleep(0.01)
    first = waiting()
    time.sleep(0.2)  # in which a post accepted during the pause would arrive
    second = waiting()
    get_admission().resume("operator")
    time.sleep(0.5)  # in which posts come in
    return first, second

rounds = []
while not select.select([sys.stdin], [], [], 0)[0]:  # stdin closes after the last writer
    rounds.append(pause_and_resume())
print(json.dumps({"rounds": rounds, "crash_counts": CrashCount.objects.count()}))
"""


def test_every_row_test_passes_on_postgresql(postgresql: PostgreSQL) -> None:
    names = [f"tests/{name}.py" for name in ROW_TESTS]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-k",
            "not four_processes and not firestore",
            *names,
        ],
        cwd=ROOT,
        env={**os.environ, "TESTS_DATABASE_URL": postgresql.new_database()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_several_processes_agree(
    postgresql: PostgreSQL, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """They agree on a key's limit, on crash counts, and on whether the intake is paused."""
    stack = Stack(
        tmp_path,
        {
            "INGEST_DATABASE_URL": postgresql.new_database(),
            "INGEST_BROKER_URL": rabbitmq.new_host(),
            "INGEST_STORE": "null",
        },
    )
    prepared.migrate(stack)
    writers = [start(stack, WRITE.replace("POSTS", str(POSTS))) for _ in range(PROCESSES)]
    pauser = start(stack, PAUSE)
    said = [json.loads(writer.communicate(timeout=300)[0]) for writer in writers]
    end = json.loads(pauser.communicate(timeout=300)[0])

    assert sum(one["allowed"] for one in said) == 100
    # Starts of processes that are alive do not count as crashes.
    assert {most for one in said for most in one["crashes"]} == {1}
    assert end["crash_counts"] == 0
    assert all(one["refused"] for one in said), "no writer met a pause"
    assert all(before == after for before, after in end["rounds"]), "a post came in during a pause"
    assert {one["tries"] for one in said} == {2}, "a dead connection was used again"
    assert not list(tmp_path.glob("*.sqlite3"))
