"""API keys in the admin."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ingest.models import ApiKey, AuditEntry

pytestmark = pytest.mark.django_db


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


def test_a_revoked_key_stays_revoked_and_is_not_deleted(operator: Client) -> None:
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


def test_a_key_is_rotated_and_its_new_secret_is_shown_once(operator: Client) -> None:
    key, old = ApiKey.create("wire", scopes=["read"])
    form = {"action": "rotate", "_selected_action": [key.pk]}
    page = operator.post("/admin/ingest/apikey/", form).content.decode()
    (secret,) = re.findall(r"shown only once: <code[^>]*>(ing_\S+?)<", page)
    assert ApiKey.find(old) == ApiKey.find(secret) == key
    assert AuditEntry.objects.get().action == "rotate"


def test_the_list_warns_of_a_key_that_expires_soon(operator: Client) -> None:
    ApiKey.create("wire", scopes=["read"], expires_at=timezone.now() + timedelta(days=5, hours=1))
    assert "expires in 5 d" in operator.get("/admin/ingest/apikey/").content.decode()


def test_the_admin_requires_a_login() -> None:
    assert Client().get("/admin/ingest/apikey/").status_code == 302
