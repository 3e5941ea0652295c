"""The health checks for a load balancer."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from ingest.api import health
from ingest.broker.admission import get_admission
from ingest.devstack.stack import Stack, wait_until
from ingest.observability.probe import Probe

pytestmark = [
    pytest.mark.usefixtures("empty_broker", "sql_store", "fresh_parts"),
    pytest.mark.django_db(transaction=True),  # a probe writes in a thread of its own
]


@pytest.fixture
def fresh_parts() -> None:
    """Forget what the parts answered to an earlier test."""
    health._probes.forget()


def ask(client: Client, query: str = "") -> tuple[int, dict[str, Any]]:
    """Ask whether the server is ready."""
    answer = client.get(f"/readyz{query}")
    return answer.status_code, answer.json()


def test_a_server_that_accepts_posts_is_ready(client: Client) -> None:
    assert ask(client) == (200, {"ready": True})


def test_a_paused_intake_is_not_ready_but_alive(client: Client) -> None:
    get_admission().pause("stop")
    why = {"writable": "the intake is paused"}
    assert ask(client) == (503, {"ready": False, "why": why})
    assert client.get("/livez").status_code == 200
    get_admission().resume("stop")
    assert ask(client)[0] == 200


def test_a_part_that_hangs_is_probed_once_and_waited_for_briefly(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TIMEOUT_SECONDS", 0.1)
    hanging = subprocess.Popen(["sleep", "60"])
    asked: list[int] = []

    def hang() -> str:
        asked.append(1)
        hanging.wait()
        return ""

    monkeypatch.setitem(health._probes(), "store", Probe("store", hang))
    why = {"store": "has not answered within 0.1 s"}
    try:
        assert [ask(client) for _ in range(3)] == [(503, {"ready": False, "why": why})] * 3
        assert asked == [1]
        assert ask(client, "?ignore=store") == (200, {"ready": True})
    finally:
        os.kill(hanging.pid, signal.SIGKILL)
    wait_until(lambda: ask(client)[0] == 200, seconds=30, what="it answers again")


def test_a_full_disk_is_a_reason(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 2**63)
    assert ask(client) == (503, {"ready": False, "why": {"database": health.DISK_IS_FULL}})


PROBE = """
from django.test import Client
answer = Client(headers={"host": "127.0.0.1"}).get("/readyz?ignore=database")
print(answer.status_code, list(answer.json()["why"]))
"""


def test_the_unavailable_parts_are_the_reason(tmp_path: Path) -> None:
    settings = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1", "INGEST_STORE_SECONDS": "1"}
    printed = Stack(tmp_path, settings).manage("shell", "-c", PROBE)
    assert printed.splitlines()[-1] == "503 ['broker', 'store']"
