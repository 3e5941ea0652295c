"""The Django admin, as far as it goes."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ingest.models import ApiKey, DeadLetter

pytestmark = pytest.mark.django_db


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
    (secret,) = re.findall(r"shown this once: (ing_\S+?)<", page)
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


def test_keys_are_revoked_together(operator: Client) -> None:
    keys = [ApiKey.create(name, scopes=["read"])[0] for name in ("a", "b")]
    form = {"action": "revoke", "_selected_action": [key.pk for key in keys]}
    operator.post("/admin/ingest/apikey/", form)
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_nobody_comes_in_without_a_login() -> None:
    assert Client().get("/admin/ingest/apikey/").status_code == 302
