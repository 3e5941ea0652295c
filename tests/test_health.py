"""What a load balancer is told."""

from pathlib import Path

import pytest
from django.test import Client

from ingest.gate import the_gate
from ingest.stack.running import Stack

pytestmark = [pytest.mark.usefixtures("empty_broker"), pytest.mark.django_db]


def test_a_server_that_takes_posts_in_is_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


def test_a_closed_gate_is_not_ready_but_alive(client: Client) -> None:
    the_gate().close("stop")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "why": "no posts are taken in just now"}
    assert client.get("/livez").status_code == 200
    the_gate().reopen("stop")
    assert client.get("/readyz").status_code == 200


LOOK = """
from django.test import Client
answer = Client(headers={"host": "127.0.0.1"}).get("/readyz")
print(answer.status_code, answer.json()["why"])
"""


def test_a_broker_that_is_away_is_the_reason(tmp_path: Path) -> None:
    printed = Stack(tmp_path, {"INGEST_STORE": "null"}).manage("shell", "-c", LOOK)
    assert "503 the broker does not answer" in printed
