"""The start page of the admin: the state of the pipeline, and its controls."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.test import Client

from ingest.broker import connection, inspect, publish
from ingest.broker.admission import get_admission
from ingest.dashboard import state
from ingest.devstack.ports import free_ports
from ingest.devstack.stack import wait_until
from ingest.models import AuditEntry
from tests.support.dead_letters import make_dead_letters
from tests.support.factories import accepted
from tests.support.stores import unavailable_firestore

# A change of the intake is recorded in a thread of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for workers, of which there are none."""
    monkeypatch.setattr(inspect, "ANSWER_SECONDS", 0.01)


def test_the_login_page_has_its_style() -> None:
    page = Client().get("/admin/", follow=True).content.decode()
    (style, *_) = re.findall(r'href="(/static/[^"]+\.css)"', page)
    response = Client().get(style)
    assert response.status_code == 200
    assert b"body" in b"".join(response)
    response.close()


@pytest.mark.usefixtures("empty_broker", "sql_store")
def test_the_start_page_shows_the_state_and_the_audit_log(operator: Client) -> None:
    publish.enqueue([accepted("Oslo.")])
    make_dead_letters("One.", "Two.", reason="timeout")
    page = operator.get("/admin/")
    state = page.context["state"]
    assert (state.intake, state.problems) == ("open", [])
    assert state.queues[0].waiting == 1
    assert state.queues[0].oldest.endswith(" s")
    assert state.dead_letters == [("timeout", "ran over its time limit", 2)]
    assert "none answers" in page.content.decode()
    page = operator.post("/admin/drain/", follow=True)
    assert "New posts are refused. Accepted posts are still processed." in page.content.decode()
    page = operator.get("/admin/state/")
    assert page.context["state"].intake == "draining"
    assert "1 message is still to be processed" in page.content.decode()
    connection.redis_client().delete(publish.EXTRACT)
    assert operator.get("/admin/state/").context["state"].intake == "drained"
    page = operator.post("/admin/resume/", follow=True)
    assert page.context["state"].intake == "open"
    assert [entry.action for entry in page.context["audit_log"]] == ["resume", "drain"]
    assert "operator resumed" in page.content.decode()


@pytest.mark.usefixtures("empty_broker", "sql_store")
def test_full_queues_have_their_own_state(operator: Client, settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    publish.enqueue([accepted("Oslo.")])
    assert operator.get("/admin/state/").context["state"].intake == "full"


@pytest.mark.usefixtures("empty_broker", "sql_store")
def test_a_pause_by_a_stop_of_the_stack_is_named(operator: Client) -> None:
    get_admission().pause("stop")
    page = operator.post("/admin/resume/", follow=True).content.decode()
    assert "The intake is still paused by a stop of the whole stack" in page


def test_a_get_does_not_drain(operator: Client) -> None:
    assert operator.get("/admin/drain/").status_code == 405


@pytest.fixture
def nothing_answers(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the broker refuse connections, and the store accept them and not answer."""
    (unused_port,) = free_ports(1)
    monkeypatch.setattr(current_app.conf, "broker_url", f"redis://127.0.0.1:{unused_port}/0")
    monkeypatch.setattr(state, "TIMEOUT_SECONDS", 0.5)
    with unavailable_firestore(settings, timeout=2):
        connection.redis_client.forget()
        yield
        connection.redis_client.forget()


@pytest.mark.usefixtures("empty_broker", "sql_store")
def test_a_drain_that_takes_effect_late_is_recorded(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "TIMEOUT_SECONDS", 0.2)
    late = threading.Event()
    admission = get_admission()
    monkeypatch.setattr(admission, "pause", lambda _: late.wait(30))
    page = operator.post("/admin/drain/", follow=True)
    assert "does not answer within" in page.content.decode()
    assert not AuditEntry.objects.exists()
    late.set()
    wait_until(AuditEntry.objects.exists, seconds=20, what="the drain is recorded")


@pytest.mark.usefixtures("nothing_answers")
def test_the_start_page_names_unavailable_parts(operator: Client) -> None:
    page = operator.get("/admin/")
    state = page.context["state"]
    assert (page.status_code, state.intake, state.backlog) == (200, "unavailable", None)
    first, second = state.problems
    assert "The broker does not answer" in first
    assert "The store does not answer within 0.5 seconds" in second
    assert "No accepted post is lost" in page.content.decode()
    page = operator.post("/admin/drain/", follow=True)
    assert "The broker does not answer" in page.content.decode()
    assert not AuditEntry.objects.exists()
