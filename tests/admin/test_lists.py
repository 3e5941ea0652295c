"""The address of a list in the admin: no look-up and no value is a server error."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.db.models import Field, Model
from django.test import Client
from django.utils import timezone

from ingest.models import AliasBackfill, Pattern, PatternSet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]

MODELS = [model for model, _ in admin.site._registry.items()]
VALUES = (
    "x",
    "",
    "0",
    "-1",
    "9" * 40,
    "1,2,x",
    "\0",
    "\ud7ff",
    "(a+)+$",
    "[",
    '{"a":1}',
    "2026-13-99",
)


def addresses() -> list[tuple[str, str]]:
    """Return every look-up of every field of every list, of fields of fields, and of no field."""
    found = []
    for model in MODELS:
        fields = [field for field in model._meta.get_fields() if isinstance(field, Field)]
        names = {
            f"{field.name}__{lookup}" for field in fields for lookup in (*field.get_lookups(), "x")
        }
        names |= {field.name for field in fields} | {"payload__title__x", "nothing", "pk__in"}
        list_ = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        found += [(list_, name) for name in sorted(names)]
    return found


@pytest.fixture
def few_middlewares(settings: Any) -> None:
    """Leave out what sees no look-up, and takes half of the time of a request."""
    settings.MIDDLEWARE = [
        f"django.contrib.{name}"
        for name in (
            "sessions.middleware.SessionMiddleware",
            "auth.middleware.AuthenticationMiddleware",
            "messages.middleware.MessageMiddleware",
        )
    ]


@pytest.mark.usefixtures("few_middlewares")
def test_no_look_up_of_a_list_is_a_server_error(operator: Client) -> None:
    PatternSet.objects.create(patterns=[])
    AliasBackfill.objects.create(started_at=timezone.now())
    Pattern.objects.create(label="ORG", pattern="Bahn")
    operator.raise_request_exception = False
    faults = [
        (list_, name, value, answer.status_code)
        for index, (list_, name) in enumerate(addresses())
        # Every look-up meets two values, and each value meets many look-ups.
        for value in (VALUES[index % len(VALUES)], "x")
        if (answer := operator.get(f"{list_}?{urlencode({name: value})}")).status_code
        not in (200, 302, 400)
    ]
    assert faults == []


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["q", "p", "o", "all", "e", "_facets", "last_at__year"])
def test_no_value_of_a_list_s_own_parameters_is_a_server_error(
    operator: Client, name: str, value: str
) -> None:
    operator.raise_request_exception = False
    answer = operator.get(f"/admin/ingest/deadletter/?{urlencode({name: value})}")
    assert answer.status_code in (200, 302, 400)


@pytest.mark.parametrize("lookup", ["payload__contains", "publication__regex", "payload__a__b"])
def test_a_look_up_that_is_not_plain_is_refused(operator: Client, lookup: str) -> None:
    assert operator.get(f"/admin/ingest/deadletter/?{lookup}=x").status_code == 400


def test_filters_and_dates_still_work(operator: Client) -> None:
    for query in ("reason__exact=failed", "last_at__year=2026&last_at__month=11", "id__in=1,2"):
        assert operator.get(f"/admin/ingest/deadletter/?{query}").status_code == 200
    for list_ in ("auditentry/?via__exact=api", "alias/?state__exact=accepted"):
        assert operator.get(f"/admin/ingest/{list_}").status_code == 200
    assert operator.get("/admin/auth/user/?groups__id__exact=1").status_code == 200


@pytest.mark.parametrize("id_", ["x", "9" * 40, "%00", "..", "__x__", "a%2Fb", "-1"])
@pytest.mark.parametrize("page", ["change", "delete", "history"])
def test_no_id_is_a_server_error(operator: Client, id_: str, page: str) -> None:
    operator.raise_request_exception = False
    for model in MODELS:
        list_ = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        answer = operator.get(f"{list_}{id_}/{page}/")
        assert answer.status_code in (302, 400, 403, 404), (list_, answer.status_code)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_phone_shows_the_name_of_every_column(model: type[Model]) -> None:
    path = finders.find("dashboard/dashboard.css")
    assert path
    css = Path(path).read_text("utf-8")
    columns = admin.site._registry[model].list_display
    assert [c for c in columns if c != "__str__" and f".field-{c}::before" not in css] == []
