"""A connection to PostgreSQL waits for a long statement, and leaves a server that is frozen."""

import time
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import OperationalError, connection

from ingest.store.sql.postgresql import base
from ingest.store.sql.postgresql.base import DatabaseWrapper, WatchedConnection
from tests.support.postgresql import PostgreSQL


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the server soon, and forget that it was silent."""
    monkeypatch.setattr(base, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(base, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(WatchedConnection, "silent_until", 0.0)


def test_a_long_statement_of_a_live_server_goes_on(postgresql: PostgreSQL) -> None:
    asked = 0
    answers = base._answers

    def count(connected: int) -> bool:
        nonlocal asked
        asked += 1
        return answers(connected)

    with pytest.MonkeyPatch.context() as counted:
        counted.setattr(base, "_answers", count)
        with WatchedConnection.connect(postgresql.url("postgres")) as watched:
            assert watched.execute("SELECT 7 FROM pg_sleep(1)").fetchone() == (7,)
    assert asked > 1


def test_a_statement_of_a_frozen_server_ends_with_its_connection(postgresql: PostgreSQL) -> None:
    watched = WatchedConnection.connect(postgresql.url("postgres"))
    with postgresql.frozen(), pytest.raises(psycopg.OperationalError, match="no longer answers"):
        watched.execute("SELECT 1")
    assert watched.closed
    with WatchedConnection.connect(postgresql.url("postgres")) as another:
        assert another.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.django_db  # which allows connections
def test_nobody_waits_again_for_a_server_that_was_just_silent(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(postgresql.url("postgres"))
    own = {"USER": parts.username, "PASSWORD": parts.password, "PORT": parts.port}
    settings = {**connection.settings_dict, **own, "HOST": parts.hostname, "NAME": "postgres"}
    wrapper = DatabaseWrapper({**settings, "OPTIONS": {}}, alias="watched")
    monkeypatch.setattr(WatchedConnection, "silent_until", time.monotonic() + 60)
    with pytest.raises(OperationalError, match="a moment ago"):
        wrapper.ensure_connection()
    monkeypatch.setattr(WatchedConnection, "silent_until", 0.0)
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 7")
        assert cursor.fetchone() == (7,)
    wrapper.close()
