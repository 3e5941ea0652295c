"""Who may see the pages, what a page may load, and pages without posts or without the store."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ingest.core.posts import publication_id
from ingest.middleware import POLICY
from ingest.store import open_store
from tests.support.factories import entity, with_entities
from tests.support.stores import unavailable_firestore

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]

WORD = "a long password"
PUB_ID = publication_id("The Gazette")
PAGES = (
    "/",
    f"/publications/{PUB_ID}",
    f"/publications/{PUB_ID}/entities.csv",
    f"/entities/{'0' * 32}",
    "/compare",
)


@pytest.fixture
def behind_login(settings: Any) -> None:
    """Require a login for the pages."""
    settings.PAGES = "login"


@pytest.mark.parametrize("path", PAGES)
def test_pages_behind_a_login_redirect_to_it(path: str, behind_login: None) -> None:
    open_store().add([with_entities("1", [entity("Obama")])])
    response = Client().get(path)
    assert (response.status_code, response["Location"]) == (302, f"/login?next={path}")


def test_a_login_leads_back_to_the_requested_page(behind_login: None) -> None:
    User.objects.create_user("reader", password=WORD)
    client = Client()
    form = {"username": "reader", "password": WORD, "next": "/compare"}
    assert b"is wrong" in client.post("/login", {**form, "password": "x"}).content
    assert client.post("/login", form)["Location"] == "/compare"
    assert client.get("/").status_code == 200
    assert client.post("/logout").status_code == 302
    assert client.get("/").status_code == 302


def test_a_login_leads_to_no_other_site(behind_login: None) -> None:
    User.objects.create_user("reader", password=WORD)
    form = {"username": "reader", "password": WORD, "next": "//evil.example"}
    assert Client().post("/login", form)["Location"] == "/"


@pytest.mark.parametrize("path", ["/", "/nothing", "/login", "/admin/login/"])
def test_every_page_says_what_it_may_load(path: str) -> None:
    assert Client().get(path)["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY


def test_nothing_can_be_sent_to_a_page() -> None:
    assert Client().post("/").status_code == 405


def test_the_front_page_without_posts_shows_how_to_send_one() -> None:
    page = Client().get("/").content.decode()
    assert "No posts yet" in page
    assert "curl -X POST http://testserver/api/posts" in page


def test_a_publication_without_names_is_shown() -> None:
    open_store().add([with_entities("1")])
    page = Client().get(f"/publications/{PUB_ID}").content.decode()
    assert "Its posts mention no names" in page


def test_an_unavailable_store_has_its_own_page(settings: Any) -> None:
    with unavailable_firestore(settings, timeout=0.5):
        response = Client().get("/")
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "Nothing is lost" in response.content.decode()


def test_an_export_with_an_invalid_filter_is_refused() -> None:
    open_store().add([with_entities("1")])
    response = Client().get(f"/publications/{PUB_ID}/entities.csv?since=yesterday")
    assert response.status_code == 400
    assert "Since: is not a day such as 2026-05-04" in response.content.decode()
