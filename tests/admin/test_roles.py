"""What each role may do in the admin."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from ingest.broker import inspect
from ingest.broker.admission import get_admission
from ingest.models import Alias, ApiKey, AuditEntry, DeadLetter

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]

ROLES = ("viewer", "editor", "operator")


class Action(NamedTuple):
    """A request to the admin, and the least role that may make it."""

    path: str
    form: Mapping[str, Any] | None
    least: str  # "superuser": no role may


ALIAS = {"label": "GPE", "name": "US", "becomes": "United States", "state": "accepted"}
KEY = {"name": "new", "scopes": ["read"], "publications": ""}
GROUP = {"slug": "nordic", "name": "Nordic", "publications": "The Gazette\nThe Wire"}
ACTIONS = {
    "see the start page": Action("/admin/", None, "viewer"),
    "see the state": Action("/admin/state/", None, "viewer"),
    "see publications": Action("/admin/publications/", None, "viewer"),
    "read dead letters": Action("/admin/ingest/deadletter/", None, "viewer"),
    "read a dead letter": Action("/admin/ingest/deadletter/1/change/", None, "viewer"),
    "see keys": Action("/admin/ingest/apikey/", None, "viewer"),
    "see aliases": Action("/admin/ingest/alias/", None, "viewer"),
    "see alias backfills": Action("/admin/ingest/aliasbackfill/", None, "viewer"),
    "read the audit log": Action("/admin/ingest/auditentry/", None, "viewer"),
    "make an alias": Action("/admin/ingest/alias/add/", ALIAS, "editor"),
    "delete an alias": Action("/admin/ingest/alias/1/delete/", {"post": "yes"}, "editor"),
    "see groups": Action("/admin/ingest/publicationgroup/", None, "viewer"),
    "make a group": Action("/admin/ingest/publicationgroup/add/", GROUP, "editor"),
    "drain": Action("/admin/drain/", {}, "operator"),
    "resume": Action("/admin/resume/", {}, "operator"),
    "make a key": Action("/admin/ingest/apikey/add/", KEY, "operator"),
    "replay": Action("/admin/ingest/deadletter/replay/", {}, "operator"),
    "discard": Action("/admin/ingest/deadletter/discard/", {}, "operator"),
    "delete a key": Action("/admin/ingest/apikey/1/delete/", {"post": "yes"}, "superuser"),
    "change the audit log": Action(
        "/admin/ingest/auditentry/1/change/", {"actor": "x"}, "superuser"
    ),
    "see accounts": Action("/admin/auth/user/", None, "superuser"),
    "change a role": Action("/admin/auth/group/add/", {"name": "x"}, "superuser"),
}


@pytest.fixture(autouse=True)
def things(forgotten_keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a row of each model, and the roles, which an earlier test may have flushed."""
    monkeypatch.setattr(inspect, "ANSWER_SECONDS", 0.01)
    import_module("ingest.migrations.0002_roles").make_roles(apps, connection.schema_editor())
    Alias.objects.create(pk=1, label="PERSON", name="Bush", becomes="George W. Bush")
    ApiKey(pk=1, name="wire", prefix="ing_", digest="d").save()
    AuditEntry.objects.create(pk=1, actor="somebody", via="admin", action="drain")
    DeadLetter.objects.create(pk=1, post_id="1", publication="x", attempts=1, payload={})


def logged_in(*roles: str) -> Client:
    """Return a client that is logged in with these roles."""
    account = User.objects.create_user("somebody", is_staff=True)
    account.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(account)
    return client


def may(role: str, least: str) -> bool:
    return least in ROLES and ROLES.index(role) >= ROLES.index(least)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_so_much_and_no_more(role: str) -> None:
    client = logged_in(role)
    statuses = {
        name: (client.get(path) if form is None else client.post(path, form)).status_code
        for name, (path, form, _) in ACTIONS.items()
    }
    assert {name for name, status in statuses.items() if status in (200, 302)} == {
        name for name, (_, _, least) in ACTIONS.items() if may(role, least)
    }
    assert set(statuses.values()) <= {200, 302, 403}


def test_a_refused_request_changes_nothing() -> None:
    client = logged_in("editor")
    for path, form, least in ACTIONS.values():
        if form is not None and not may("editor", least):
            client.post(path, form)
    assert get_admission().is_writable()
    assert ApiKey.objects.get().name == "wire"
    assert DeadLetter.objects.count() == 1
    assert AuditEntry.objects.get().actor == "somebody"


@pytest.mark.parametrize(("role", "revoked"), [("editor", False), ("operator", True)])
def test_only_an_operator_revokes_keys_by_an_action(role: str, revoked: bool) -> None:
    data = {"action": "revoke", "_selected_action": [1]}
    logged_in(role).post("/admin/ingest/apikey/", data)
    assert (ApiKey.objects.get().revoked_at is not None) == revoked


@pytest.mark.parametrize(("role", "state"), [("viewer", "accepted"), ("editor", "rejected")])
def test_only_an_editor_rejects_aliases_by_an_action(role: str, state: str) -> None:
    data = {"action": "reject", "_selected_action": [1]}
    logged_in(role).post("/admin/ingest/alias/", data)
    assert Alias.objects.get().state == state


@pytest.mark.parametrize("role", ROLES)
def test_only_an_operator_sees_the_drain_button(role: str) -> None:
    page = logged_in(role).get("/admin/state/").content.decode()
    assert ("Drain</button>" in page) == (role == "operator")


def test_an_account_without_a_role_sees_nothing() -> None:
    client = logged_in()
    page = client.get("/admin/ingest/deadletter/")
    assert page.status_code == 403
    assert "permission to view or edit anything" in client.get("/admin/").content.decode()


def test_changes_of_accounts_are_in_the_audit_log() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("chief"))
    account = User.objects.create_user("new", is_staff=True)
    form = {
        "username": "new",
        "is_staff": "on",
        "is_active": "on",
        "groups": Group.objects.get(name="viewer").pk,
    }
    when = {"date_joined_0": "2026-05-04", "date_joined_1": "12:00:00"}
    client.post(f"/admin/auth/user/{account.pk}/change/", {**form, **when})
    entry = AuditEntry.objects.all()[0]
    assert (entry.actor, entry.action, entry.target) == ("chief", "change", "user new")
    assert "Groups" in entry.detail


def test_a_viewer_cannot_start_the_check_of_a_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[object] = []
    monkeypatch.setattr("ingest.models.curation.problem_of", checked.append)
    form = {"label": "ORG", "pattern": "Deutsche Bahn"}
    assert logged_in("viewer").post("/admin/ingest/pattern/add/", form).status_code == 403
    assert checked == []
