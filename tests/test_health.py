"""What a load balancer is told."""

import pytest
from django.test import Client

from ingest.broker import BrokerUnavailable
from ingest.gate import embedded, the_gate

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


def test_a_broker_that_is_away_is_the_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: object) -> bool:
        raise BrokerUnavailable("the broker does not answer")

    monkeypatch.setattr(embedded.EmbeddedGate, "is_open", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "the broker does not answer" in answer.json()["why"]
