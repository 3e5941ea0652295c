"""Every endpoint says within five seconds that the database does not answer."""

import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from ingest.broker import connection
from ingest.devstack.stack import Stack, wait_until
from ingestsite import configuration
from tests.support.postgresql import PostgreSQL, install
from tests.support.web_server import serving

LIMIT_SECONDS = 5.5  # five, and what a busy machine adds
ID = "0" * 32

ACCOUNT = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
user = User.objects.create_superuser("operator", password="a long secret word")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.create()
print(session.session_key)
scopes = ("--scope", "read", "--scope", "submit", "--scope", "operate")
call_command("api_key", "create", "outage", *scopes)
"""

PAGES = [
    *("/", "/compare", f"/publications/{ID}", f"/publications/{ID}/entities.csv"),
    *(f"/entities/{ID}", "/admin/", "/admin/state/", "/admin/publications/"),
    *("/admin/ingest/deadletter/", "/admin/ingest/apikey/add/", "/admin/auth/user/1/change/"),
]
READS = [
    *("status", "limits", "publications", "publications/x", "publications/x/entities"),
    *("publications/x/entities.csv", f"entities/{ID}", f"entities/{ID}/posts"),
    *("compare?first=x&second=y", f"posts/{ID}"),
]
REQUESTS = [
    *[("GET", path) for path in PAGES],
    *[("GET", f"/api/{path}") for path in READS],
    *[("POST", f"/api/{path}") for path in ("posts", "drain", "resume")],
    ("DELETE", f"/api/posts/{ID}"),
    ("GET", "/metrics"),
]


class Site:
    """A web server, with an account and a key."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        session, *_, key = stack.manage("shell", "--no-imports", "-c", ACCOUNT).split()
        self.session = requests.Session()
        self.session.cookies["sessionid"] = session
        self.key = {"Authorization": f"Bearer {key}"}

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Return the answer to a request, which must come in time."""
        started = time.monotonic()
        headers = {**self.key, "Content-Type": "application/json"}
        post = {"publication": "The Gazette", "content": "Obama."} if path == "/api/posts" else None
        answer = self.session.request(
            method,
            f"{self.stack.url}{path}",
            **{"headers": headers, "json": post, "timeout": 60, **options},
        )
        assert time.monotonic() - started < LIMIT_SECONDS, path
        return answer

    def log_in(self) -> requests.Response:
        """Return the answer to the login form."""
        self.ask("GET", "/login")
        form = {
            "username": "operator",
            "password": "a long secret word",
            "csrfmiddlewaretoken": self.session.cookies["csrftoken"],
        }
        return self.ask("POST", "/login", data=form, headers={}, json=None)

    def why(self) -> Any:
        """Return the parts that are the reason why the server is not ready."""
        return self.ask("GET", "/readyz").json().get("why", {})


def settings(**more: str) -> dict[str, str]:
    return {
        "INGEST_STORE": "sql",
        "INGEST_BROKER_URL": configuration.BROKER_URL,
        "INGEST_WEB_WORKERS": "1",
        "INGEST_PAGES": "login",
        **more,
    }


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    """Run PostgreSQL."""
    install()
    server = PostgreSQL()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def site(valkey: None, postgresql: PostgreSQL, tmp_path_factory: Any) -> Iterator[Site]:
    """Run a web server on PostgreSQL."""
    connection.redis_client().flushall()  # an earlier test may have paused the intake
    own = settings(
        INGEST_DATABASE_URL=postgresql.new_database(), INGEST_WEB_THREADS=str(len(REQUESTS))
    )
    stack = Stack(tmp_path_factory.mktemp("web"), own)
    with serving(stack):
        yield Site(stack)


def is_unavailable(answer: requests.Response) -> bool:
    """Return whether an answer is 503, and says when to come again."""
    assert answer.status_code == 503, answer.url
    assert int(answer.headers["Retry-After"]) > 0
    is_api = urlsplit(answer.url).path.startswith(("/api/", "/metrics"))
    assert (answer.headers["Content-Type"] == "application/problem+json") == is_api
    return True


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "is silent"])
def test_every_endpoint_says_that_postgresql_is_away(
    site: Site, postgresql: PostgreSQL, silent: bool
) -> None:
    assert site.ask("GET", "/admin/").status_code == 200
    assert site.ask("GET", "/api/status").status_code == 200
    postgresql.kill()
    listener = socket.create_server(("127.0.0.1", postgresql.port)) if silent else None
    try:
        wait_until(
            lambda: site.ask("GET", "/api/limits").status_code == 503,
            seconds=20,
            what="the key is no longer remembered",
        )
        for method, path in REQUESTS:
            assert is_unavailable(site.ask(method, path))
        assert "database" in site.why()
        assert site.ask("GET", "/livez").status_code == 200
    finally:
        if listener:
            listener.close()
        postgresql.start()
    wait_until(lambda: not site.why(), seconds=20, what="the server is ready again")
    assert site.ask("GET", "/admin/").status_code == 200
    assert site.ask("POST", "/api/posts").status_code == 202


def test_a_frozen_postgresql_keeps_no_request_on_its_open_connection(
    site: Site, postgresql: PostgreSQL
) -> None:
    database = urlsplit(site.stack.environment["INGEST_DATABASE_URL"]).path[1:]

    def open_many(pool: ThreadPoolExecutor) -> bool:
        list(pool.map(lambda _: site.ask("GET", "/admin/state/"), REQUESTS))
        return postgresql.connections(database) >= len(REQUESTS) // 2

    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        wait_until(lambda: open_many(pool), seconds=60, what="threads have open connections")
        with postgresql.frozen():
            wait_until(
                lambda: site.ask("GET", "/api/limits").status_code == 503,
                seconds=20,
                what="the key is no longer remembered",
            )
            for answer in pool.map(lambda request: site.ask(*request), REQUESTS):
                assert is_unavailable(answer)
            assert "database" in site.why()
            assert site.ask("GET", "/livez").status_code == 200
    wait_until(lambda: not site.why(), seconds=20, what="the server is ready again")
    assert site.ask("GET", "/admin/").status_code == 200


def test_a_locked_database_is_unavailable_for_writes_only(valkey: None, tmp_path: Path) -> None:
    stack = Stack(tmp_path, settings())
    with serving(stack):
        site = Site(stack)
        assert site.ask("GET", "/api/status").status_code == 200
        locker = sqlite3.connect(tmp_path / "ingest.sqlite3", isolation_level=None)
        locker.execute("BEGIN EXCLUSIVE")
        assert is_unavailable(site.log_in())
        # A deletion writes to the store alone; its audit entry is in the log.
        assert site.ask("DELETE", f"/api/posts/{ID}").status_code == 200
        assert "database" in site.why()
        assert site.ask("POST", "/api/posts").status_code == 202
        assert site.ask("GET", "/").status_code == 200
        assert site.ask("POST", "/api/drain").status_code == 200
        locker.execute("ROLLBACK")
        locker.close()
        site.ask("POST", "/api/resume")
        wait_until(lambda: not site.why(), seconds=20, what="the server is ready again")
        assert site.log_in().status_code == 200
