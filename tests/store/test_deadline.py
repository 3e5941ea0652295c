"""A caller that has little time is told so in time, on each store."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from ingest.store.base import StoreUnavailable
from ingest.store.deadline import answer_within, seconds_left
from ingest.store.firestore.store import FirestoreStore
from ingest.store.sql.database import snapshot, unavailable_on_error
from ingest.store.sql.store import SqlStore
from tests.support.stores import unavailable_firestore

# It takes any database minutes.
ENDLESS = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000)"
    " SELECT count(*) FROM c"
)


def test_a_limit_holds_in_its_block_only() -> None:
    assert seconds_left() is None
    with answer_within(60):
        left = seconds_left()
        assert left is not None
        assert 0 < left <= 60
    assert seconds_left() is None


@pytest.fixture
def outside_a_transaction(transactional_db: None) -> None:
    """Let queries run as in a web server, which wraps none of its requests in a transaction."""


@pytest.mark.usefixtures("outside_a_transaction")
@pytest.mark.parametrize("block", [nullcontext, snapshot], ids=["alone", "in a snapshot"])
def test_a_query_in_sql_ends_with_the_patience_of_its_caller(
    sql: SqlStore, settings: Any, block: Callable[[], AbstractContextManager[None]]
) -> None:
    connection = connections[settings.COUNTS_DATABASE]
    for _ in range(2):
        with (
            pytest.raises(StoreUnavailable),
            answer_within(0.05),
            unavailable_on_error(),
            block(),
            connection.cursor() as cursor,
        ):
            cursor.execute(ENDLESS)
        assert sql.publications() == [], "the connection serves the next caller"


@pytest.mark.usefixtures("outside_a_transaction")
def test_the_next_caller_has_the_patience_of_its_own(sql: SqlStore, settings: Any) -> None:
    connection = connections[settings.COUNTS_DATABASE]
    with answer_within(60), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)


def test_a_call_of_firestore_gets_the_time_that_is_left(firestore: FirestoreStore) -> None:
    own = firestore._database.limits["timeout"]
    with answer_within(1):
        assert firestore._database.limits["timeout"] <= 1
    assert firestore._database.limits["timeout"] == own


@pytest.mark.django_db
def test_a_page_says_that_it_waits_and_tries_again(empty_broker: None, settings: Any) -> None:
    settings.PAGE_SECONDS = 0.2
    with unavailable_firestore(settings, timeout=600):  # seconds, which a page does not wait
        answer = Client().get("/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    page = answer.content.decode()
    assert "Waiting for the counts" in page
    assert "data-retry" in page
