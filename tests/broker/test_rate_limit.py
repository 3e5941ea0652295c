"""The rate limit of a key, which all processes count together."""

import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone

from ingest.broker import connection, rate_limit
from ingest.devstack.stack import Stack, wait_until
from ingest.models import ApiKey, KeyUse
from ingestsite import configuration
from tests.support import prepared

COUNT = """
import django
django.setup()
from ingest.broker import rate_limit
print(*(sum(count(1)[0] <= 100 for _ in range(60)) for count in rate_limit.COUNTERS))
"""


def test_four_processes_let_exactly_the_limit_through(empty_broker: None, tmp_path: Path) -> None:
    """In the embedded broker, and in the database beside RabbitMQ."""
    stack = Stack(tmp_path, {"INGEST_BROKER_URL": configuration.BROKER_URL})
    prepared.prepare(stack)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT],
            cwd=configuration.ROOT,
            env={**stack.environment, "DJANGO_SETTINGS_MODULE": "ingestsite.settings"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    allowed = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [sum(map(int, counts)) for counts in zip(*allowed, strict=True)] == [100, 100]


def test_a_minute_begins_with_the_first_request_after_the_last_one(empty_broker: None) -> None:
    assert [rate_limit.count_request(1, limit=2).used for _ in range(3)] == [1, 2, 3]
    connection.redis_client().pexpire("ingest:use:1", 1)
    there = partial(connection.redis_client().exists, "ingest:use:1")
    wait_until(lambda: not there(), seconds=30, what="the minute is over")
    use = rate_limit.count_request(1, limit=2)
    assert (use.used, use.left, use.allowed) == (1, 1, True)
    assert 0 < use.seconds <= rate_limit.PERIOD_SECONDS


@pytest.mark.django_db
def test_a_minute_in_the_database_begins_anew_as_well() -> None:
    _, count_in_database = rate_limit.COUNTERS
    key, _ = ApiKey.create("limited", scopes=[])
    assert [count_in_database(key.pk)[0] for _ in range(3)] == [1, 2, 3]
    KeyUse.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    used, seconds = count_in_database(key.pk)
    assert used == 1
    assert 0 < seconds <= rate_limit.PERIOD_SECONDS
