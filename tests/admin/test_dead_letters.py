"""The operator's desk: what it shows, what can be done there, and what the trail says of it."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ingest.broker import connection, inspect, publish
from ingest.broker.admission import get_admission
from ingest.core.posts import publication_id
from ingest.dashboard import state
from ingest.dashboard.state import format_seconds
from ingest.devstack.ports import free_ports
from ingest.models import Alias, AliasBackfill, ApiKey, AuditEntry, DeadLetter, RulesVersion
from ingest.operations.rule_versions import newest_rules
from ingest.store import open_store
from tests.support.factories import accepted, entity, with_entities

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for none to answer."""
    monkeypatch.setattr(inspect, "ANSWER_SECONDS", 0.01)


@pytest.fixture
def operator() -> Client:
    """Return a client that has logged in."""
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    return client


def test_the_login_page_has_its_style() -> None:
    page = Client().get("/admin/login/").content.decode()
    (style, *_) = re.findall(r'href="(/static/[^"]+\.css)"', page)
    response = Client().get(style)
    assert response.status_code == 200
    assert b"body" in b"".join(response)
    response.close()


def test_keys_and_dead_letters_can_be_looked_at(operator: Client) -> None:
    ApiKey.create("wire", scopes=["read"])
    letter = DeadLetter.objects.create(
        post_id="d" * 32,
        publication="The Gazette",
        step="extract",
        reason="failed",
        detail="ValueError: bad",
        trace="Traceback",
        attempts=2,
        payload={"content": "A bad post."},
    )
    assert "wire" in operator.get("/admin/ingest/apikey/").content.decode()
    assert "The Gazette" in operator.get("/admin/ingest/deadletter/").content.decode()
    page = operator.get(f"/admin/ingest/deadletter/{letter.pk}/change/").content.decode()
    assert "A bad post." in page
    assert "Traceback" in page


def test_a_key_is_made_and_shown_once(operator: Client) -> None:
    form = {
        "name": "wire",
        "scopes": ["submit", "read"],
        "publications": "The Gazette\r\n\r\n Another/Paper ",
        "requests_per_minute": "60",
    }
    page = operator.post("/admin/ingest/apikey/add/", form, follow=True).content.decode()
    (secret,) = re.findall(r"shown only once: <code[^>]*>(ing_\S+?)<", page)
    key = ApiKey.objects.get()
    assert key.digest == ApiKey.digest_of(secret)
    assert (key.scopes, key.publications) == (["submit", "read"], ["The Gazette", "Another/Paper"])
    assert secret not in operator.get(f"/admin/ingest/apikey/{key.pk}/change/").content.decode()


def test_a_key_is_changed_without_another_secret(operator: Client) -> None:
    key, _ = ApiKey.create("wire", scopes=["read"])
    form = {"name": "wire", "scopes": ["submit"], "publications": ""}
    operator.post(f"/admin/ingest/apikey/{key.pk}/change/", form)
    changed = ApiKey.objects.get()
    assert (changed.digest, changed.scopes, changed.publications) == (key.digest, ["submit"], [])


def test_a_key_that_is_revoked_is_not_let_in_again_nor_deleted(operator: Client) -> None:
    key, _ = ApiKey.create("wire", scopes=["read"])
    data = {"action": "revoke", "_selected_action": [key.pk]}
    operator.post("/admin/ingest/apikey/", data)
    form = {"name": "wire", "scopes": ["read"], "publications": "", "revoked_at_0": ""}
    operator.post(f"/admin/ingest/apikey/{key.pk}/change/", form)
    assert operator.post(f"/admin/ingest/apikey/{key.pk}/delete/").status_code == 403
    assert ApiKey.objects.get().revoked_at is not None


def test_keys_are_revoked_together(operator: Client) -> None:
    keys = [ApiKey.create(name, scopes=["read"])[0] for name in ("a", "b")]
    form = {"action": "revoke", "_selected_action": [key.pk for key in keys]}
    operator.post("/admin/ingest/apikey/", form)
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert AuditEntry.objects.filter(actor="operator", action="revoke").count() == 2


def test_nobody_comes_in_without_a_login() -> None:
    assert Client().get("/admin/ingest/apikey/").status_code == 302


def lay_aside(*contents: str, **fields: str) -> list[DeadLetter]:
    """Make dead letters."""
    known = {"step": "extract", "reason": "failed", "detail": "ValueError: bad", **fields}
    posts = [accepted(content) for content in contents]
    return [
        DeadLetter.objects.create(
            post_id=post.post_id,
            publication=post.publication,
            attempts=2,
            payload=post.payload(),
            **known,
        )
        for post in posts
    ]


LETTERS = "/admin/ingest/deadletter/"


@pytest.mark.usefixtures("empty_broker")
def test_all_letters_that_match_are_replayed_and_the_others_stay(operator: Client) -> None:
    lay_aside("One.", "Two.")
    (slow,) = lay_aside("Three.", reason="timeout")
    matching = f"{LETTERS}replay/?reason__exact=failed"
    asked = operator.get(matching)
    assert "Replay 2 posts?" in asked.content.decode()
    done = operator.post(matching, {"seen_at": asked.context["seen_at"]}, follow=True)
    assert "2 replayed." in done.content.decode()
    assert DeadLetter.objects.get() == slow
    assert set(AuditEntry.objects.values_list("actor", "action")) == {("operator", "replay")}


def test_what_came_after_somebody_looked_is_not_theirs_to_decide_on(operator: Client) -> None:
    lay_aside("One.")
    asked = operator.get(f"{LETTERS}discard/?reason__exact=failed")
    (later,) = lay_aside("Two.")
    form = {"seen_at": asked.context["seen_at"]}
    done = operator.post(f"{LETTERS}discard/?reason__exact=failed", form, follow=True)
    assert "1 discarded." in done.content.decode()
    assert DeadLetter.objects.get() == later


@pytest.mark.parametrize("what", ["replay", "discard"])
@pytest.mark.parametrize("across", ["0", "1"])
@pytest.mark.usefixtures("empty_broker")
def test_ticked_letters_or_all_of_a_filter_are_decided_on(
    operator: Client, what: str, across: str
) -> None:
    first, _, slow = *lay_aside("One.", "Two."), *lay_aside("Three.", reason="timeout")
    data = {"action": what, "_selected_action": [first.pk], "select_across": across}
    asked = operator.post(f"{LETTERS}?reason__exact=failed", data)
    operator.post(asked["Location"], {"seen_at": timezone.now().isoformat()})
    left = 2 if across == "0" else 1
    assert DeadLetter.objects.count() == left
    assert slow in DeadLetter.objects.all()


@pytest.mark.usefixtures("empty_broker")
def test_a_replay_that_cannot_pass_the_gate_says_so(operator: Client) -> None:
    (letter,) = lay_aside("One.")
    get_admission().pause("operator")
    page = operator.post(f"{LETTERS}replay/?id__exact={letter.pk}", follow=True).content.decode()
    assert "0 replayed. Stopped: the intake is paused" in page
    assert DeadLetter.objects.exists()


def test_letters_are_filtered_by_publication_and_what_cannot_be_meant_is_refused(
    operator: Client,
) -> None:
    (letter,) = lay_aside("One.")
    DeadLetter.objects.create(post_id="9", publication="Elsewhere", attempts=1, payload={})
    found = operator.get(f"{LETTERS}?publication=Elsewhere").content.decode()
    assert letter.post_id not in found
    assert operator.post(f"{LETTERS}discard/?nothing=1").status_code == 302
    assert DeadLetter.objects.count() == 2


def test_what_was_no_message_is_shown_as_it_came(operator: Client) -> None:
    (letter,) = lay_aside("One.", reason="unreadable")
    DeadLetter.objects.update(payload={"message": {"odd": "<b>7</b>"}})
    page = operator.get(f"{LETTERS}{letter.pk}/change/").content.decode()
    assert "&quot;odd&quot;: &quot;&lt;b&gt;7&lt;/b&gt;&quot;" in page


@pytest.mark.usefixtures("empty_broker", "memory_store")
def test_the_start_page_tells_the_state_and_who_changed_it(operator: Client) -> None:
    publish.enqueue([accepted("Oslo.")])
    lay_aside("One.", "Two.", reason="timeout")
    page = operator.get("/admin/")
    state = page.context["state"]
    assert (state.intake, state.problems) == ("open", [])
    assert state.queues[0].waiting == 1
    assert state.queues[0].oldest.endswith(" s")
    assert state.dead_letters == [("timeout", "ran over its time limit", 2)]
    assert "none answers" in page.content.decode()
    assert "New posts are refused" in operator.post("/admin/drain/", follow=True).content.decode()
    page = operator.get("/admin/state/")
    assert page.context["state"].intake == "draining"
    assert "1 message is still to be processed" in page.content.decode()
    connection.redis_client().delete(publish.EXTRACT)
    assert operator.get("/admin/state/").context["state"].intake == "drained"
    page = operator.post("/admin/resume/", follow=True)
    assert page.context["state"].intake == "open"
    assert [entry.action for entry in page.context["audit_log"]] == ["resume", "drain"]


@pytest.mark.usefixtures("empty_broker", "memory_store")
def test_full_queues_are_told_from_open_ones(operator: Client, settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    publish.enqueue([accepted("Oslo.")])
    assert operator.get("/admin/state/").context["state"].intake == "full"


@pytest.mark.usefixtures("empty_broker", "memory_store")
def test_a_stop_that_still_holds_the_gate_is_named(operator: Client) -> None:
    get_admission().pause("stop")
    page = operator.post("/admin/resume/", follow=True).content.decode()
    assert "The intake is still paused by a stop of the whole stack" in page


def test_nothing_is_moved_by_looking(operator: Client) -> None:
    assert operator.get("/admin/drain/").status_code == 405


@pytest.mark.usefixtures("memory_store")
def test_publications_are_listed_with_what_they_mention_most(operator: Client) -> None:
    open_store().add(
        [
            with_entities("1", [entity("Angela Merkel", 3), entity("<b>Bold</b>")]),
            with_entities("2", [entity("Oslo")], publication="../odd"),
        ]
    )
    page = operator.get("/admin/publications/").content.decode()
    assert f'href="/publications/{publication_id("The Gazette")}"' in page
    assert f'href="/publications/{publication_id("../odd")}"' in page
    assert "Angela Merkel" in page
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page
    assert "Publications" in operator.get("/admin/ingest/").content.decode()


@pytest.fixture
def nothing_answers(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a broker and a store that are away: the one refuses, the other says nothing at all."""
    (nobody,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
        monkeypatch.setattr(current_app.conf, "broker_url", f"redis://127.0.0.1:{nobody}/0")
        monkeypatch.setattr(state, "TIMEOUT_SECONDS", 0.5)
        settings.STORE = "ingest.store.firestore.store.FirestoreStore"
        settings.STORE_OPTIONS = {
            "project": "demo-away",
            "database": "(default)",
            "keep_content": True,
            "commit_posts": 1,
            "commit_writes": 1,
            "timeout": 2,
        }
        for cached in (open_store, connection.redis_client):
            cached.cache_clear()
        yield
        for cached in (open_store, connection.redis_client):
            cached.cache_clear()


@pytest.mark.usefixtures("nothing_answers")
def test_with_everything_away_the_start_page_says_so(operator: Client) -> None:
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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (1e6, "11 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: float | None, words: str) -> None:
    assert format_seconds(seconds) == words


ALIAS = {"label": "GPE", "name": "US", "becomes": "United States", "state": "accepted"}


@pytest.mark.usefixtures("empty_broker")
@pytest.mark.django_db(transaction=True)
def test_an_alias_is_made_changed_and_deleted_and_each_is_counted(operator: Client) -> None:
    page = operator.post("/admin/ingest/alias/add/", ALIAS, follow=True).content.decode()
    assert "Alias backfill of saved posts" in page
    alias = Alias.objects.get()
    assert (alias.family, alias.key) == ("PLACE", "us")
    operator.post(f"/admin/ingest/alias/{alias.pk}/change/", {**ALIAS, "becomes": ""})
    assert newest_rules().everywhere == {("PLACE", "us"): None}
    operator.post(f"/admin/ingest/alias/{alias.pk}/delete/", {"post": "yes"})
    assert newest_rules().everywhere == {}
    assert RulesVersion.objects.get().version == 3
    assert AliasBackfill.objects.count() == 3
    assert "0 posts seen" in operator.get("/admin/ingest/aliasbackfill/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", "...", "no letter"),
        ("name", "USA", "lead from this name back to itself"),
        ("name", "u.s.", "already"),
    ],
)
def test_an_alias_that_cannot_be_meant_is_refused(
    operator: Client, field: str, value: str, problem: str
) -> None:
    Alias.objects.create(label="GPE", name="US", becomes="USA")
    posted = {**ALIAS, "becomes": "US", field: value}
    page = operator.post("/admin/ingest/alias/add/", posted).content.decode()
    assert problem.lower() in page.lower()
    assert Alias.objects.count() == 1


@pytest.mark.usefixtures("empty_broker")
@pytest.mark.django_db(transaction=True)
def test_proposals_are_accepted_and_rejected(operator: Client) -> None:
    proposed = {"label": "GPE", "becomes": "USA", "state": Alias.State.PROPOSED}
    rows = [Alias.objects.create(name=name, **proposed) for name in ("US", "U.S.A. ", "America")]
    assert newest_rules().everywhere == {}
    for action, chosen in (("accept", rows[:2]), ("reject", rows[2:])):
        data = {"action": action, "_selected_action": [row.pk for row in chosen]}
        operator.post("/admin/ingest/alias/", data)
    assert {a.name: a.state for a in Alias.objects.all()} == {
        "US": "accepted",
        "U.S.A. ": "accepted",
        "America": "rejected",
    }
    assert newest_rules().everywhere.keys() == {("PLACE", "us"), ("PLACE", "usa")}
