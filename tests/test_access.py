"""Who may reach what: each endpoint and admin page, against the tables in docs/endpoints.md."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from ingest.broker import inspect
from ingest.models import Scope
from tests.support.clients import keyed
from tests.test_structure import modules, name_of

pytestmark = [
    pytest.mark.django_db(transaction=True),  # a probe reads in a thread of its own
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

TABLES = (Path(__file__).parent.parent / "docs" / "endpoints.md").read_text("utf-8")
ENDPOINTS = dict(re.findall(r"^\| `([A-Z]+ /\S*)` \| (.+?) \|$", TABLES, re.MULTILINE))
ADMIN_PAGES = dict(re.findall(r"^\| `([a-z_]+\.[a-z]+)` \| (.+?) \|$", TABLES, re.MULTILINE))
KINDS = ("view", "add", "change", "delete")
# Django's own pages of the admin follow the permissions of models, which the second table has.
DJANGO_ADMIN = ("django.contrib.admin", "django.contrib.auth.admin", "django.views.generic.base")
# The views that are not the API's and change something at once.
POSTED = ("/admin/drain/", "/admin/resume/", "/logout", "/corrections/{alias_id}/undo")
EXAMPLES = {"name": "x", "format_": "csv", "object_id": "1", "content_type_id": "1"}


def patterns(resolver: Any, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Return each URL, with its parameters in braces, and its view."""
    for each in resolver.url_patterns:
        path = prefix + re.sub(r"^\^|\$$|\\Z|\\", "", str(each.pattern))
        path = re.sub(r"\(\?P<(\w+)>(?:\([^()]*\)|[^()])*\)|<(?:\w+:)?(\w+)>", _braces, path)
        if isinstance(each, URLResolver):
            yield from patterns(each, path)
        elif isinstance(each, URLPattern):
            yield path, each.callback


def _braces(match: "re.Match[str]") -> str:
    return f"{{{match[1] or match[2]}}}"


def methods(view: Any) -> list[str]:
    """Return the methods of a view of the API; other views are asked with GET."""
    kind = getattr(view, "cls", None)
    known = ("get", "post", "put", "patch", "delete")
    return [name.upper() for name in known if hasattr(kind, name)] if kind else ["GET"]


def endpoints() -> list[str]:
    """Return every endpoint except Django's own pages of models."""
    return [
        f"{method} {path}"
        for path, view in patterns(get_resolver())
        if not (path.startswith("/admin/") and view.__module__.startswith(DJANGO_ADMIN))
        for method in (["POST"] if path in POSTED else methods(view))
    ]


def status(client: Client, endpoint: str) -> int:
    """Return the status of an endpoint, with an example of each parameter."""
    method, path = endpoint.split()
    path = re.sub(r"\{(\w+)\}", lambda match: EXAMPLES.get(match[1], "0" * 32), path)
    return client.generic(method, path).status_code


def account(*permissions: str, is_staff: bool = True) -> Client:
    client, name = Client(), f"account {User.objects.count()}"
    user = User.objects.create_user(name, is_staff=is_staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def test_the_table_has_every_endpoint() -> None:
    assert sorted(set(endpoints())) == sorted(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_wants_what_the_table_says(
    endpoint: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAGES = "login"
    settings.STRANGER_REQUESTS_PER_MINUTE = 0
    monkeypatch.setattr(inspect, "ANSWER_SECONDS", 0.01)
    wants = ENDPOINTS[endpoint]
    stranger = status(Client(REMOTE_ADDR="203.0.113.7"), endpoint)
    kind, _, name = wants.replace("`", "").partition(" ")
    if kind == "nothing":
        assert stranger not in (401, 403)
    elif kind == "key":
        assert stranger == 401
        assert status(keyed([]), endpoint) != 403
    elif kind == "scope":
        own = name.split(",")[0]
        assert stranger == 401
        elsewhere = keyed([scope for scope in Scope.values if scope != own])
        elsewhere.defaults["REMOTE_ADDR"] = "203.0.113.7"
        assert status(elsewhere, endpoint) == 403
        assert status(keyed([own]), endpoint) not in (401, 403)
    elif kind in ("account", "login"):
        settings.PAGES = "login" if kind == "account" else "public"
        stranger = status(Client(), endpoint)
        assert stranger == 302
        assert status(account(is_staff=False), endpoint) != 302
    elif kind == "staff":
        assert [stranger, status(account(is_staff=False), endpoint)] == [302, 302]
        assert status(account(), endpoint) not in (302, 403)
    else:
        assert kind == "permission"
        assert status(Client(), endpoint) == 302
        assert status(account(), endpoint) == 403
        assert status(account(name), endpoint) != 403


def test_the_table_has_every_page_of_the_admin_and_each_action_names_its_permission(
    rf: RequestFactory,
) -> None:
    request = rf.get("/admin/")
    request.user = User.objects.create_superuser("root")
    found = {own.opts.label_lower: _row(own, request) for own in admin.site._registry.values()}
    assert found == ADMIN_PAGES


def _row(own: Any, request: Any) -> str:
    """Return the kinds of pages that there are, and the actions with their permissions."""
    kinds = [kind for kind in KINDS if getattr(own, f"has_{kind}_permission")(request)]
    actions = []
    for name, entry in own.get_actions(request).items():
        action = entry[0] if isinstance(entry, tuple) else entry.func  # the latter in Django 6.1
        allowed = getattr(action, "allowed_permissions", None)
        assert allowed, f"the action {name} of {own} names no permission"
        if name != "delete_selected":
            actions.append(f"{name} ({', '.join(allowed)})")
    return " | ".join((", ".join(kinds), ", ".join(actions) or "-"))


# What takes posts, deletes them with the key's right, or asks whether the store answers.
WRITERS = {"ingest.api.tracking.status", "ingest.api.health"}


@pytest.mark.parametrize("package", ["api", "web"])
def test_what_answers_clients_reads_only_what_they_may(package: str) -> None:
    own = [path for path in modules(f"ingest/{package}") if "management" not in path.parts]
    readers = [path for path in own if name_of(path) not in WRITERS]
    assert [name_of(path) for path in readers if "open_store" in path.read_text("utf-8")] == []
