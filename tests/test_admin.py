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


def test_a_key_cannot_be_made_where_it_could_not_be_shown(operator: Client) -> None:
    assert operator.get("/admin/ingest/apikey/add/").status_code == 403


def test_nobody_comes_in_without_a_login() -> None:
    assert Client().get("/admin/ingest/apikey/").status_code == 302
