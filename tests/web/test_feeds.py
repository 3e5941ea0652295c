"""Atom feeds: of names, publications and searches, for everybody or at a secret address."""

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.models import ReadLimit
from ingest.store import open_store
from tests.support.factories import entity, with_entities

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]

OBAMA = [entity("Barack Obama")]
OBAMA_ID = entity_id(*name_of(OBAMA[0]))
GAZETTE = publication_id("The Gazette")
ATOM = "{http://www.w3.org/2005/Atom}"
PAGES = {
    f"/publications/{GAZETTE}": f"/publications/{GAZETTE}.atom",
    f"/publications/{GAZETTE}/posts": f"/publications/{GAZETTE}.atom",
    f"/entities/{OBAMA_ID}": f"/entities/{OBAMA_ID}.atom",
    "/search?q=obama": "/search.atom?q=obama",
}


@pytest.fixture(autouse=True)
def posts(sql_store: None) -> None:
    """Save a post of each of two publications on a name, and one on another name."""
    obama = [with_entities("1", OBAMA), with_entities("2", OBAMA, publication="The Herald")]
    open_store().add([*obama, with_entities("3", [entity("Angela Merkel")])])


def entries(client: Client, path: str) -> list[str]:
    """Return the publication and start of each entry of a feed."""
    answer = client.get(path)
    assert answer["Content-Type"].startswith("application/atom+xml"), answer.status_code
    feed = ElementTree.fromstring(answer.content)  # noqa: S314
    return [
        f"{entry.findtext(f'{ATOM}author/{ATOM}name')}: {entry.findtext(f'{ATOM}summary')}"
        for entry in feed.findall(f"{ATOM}entry")
    ]


def feed_of(client: Client, page: str) -> str:
    """Return the address of the feed that a page names to browsers and shows to people."""
    text = client.get(page).content.decode().replace("&amp;", "&")
    start = text.split('rel="alternate" type="application/atom+xml"')[1]
    address = start.split('href="')[1].split('"')[0]
    assert text.count(f'href="{address}"') == 2, "a link for browsers, and one for people"
    return address


def reader(*publications: str) -> Client:
    """Return a client with an account that reads these publications; none names all."""
    client, user = Client(), User.objects.create_user(f"reader {User.objects.count()}")
    if publications:
        role = Group.objects.create(name=user.username)
        ReadLimit.objects.create(role=role, publications=publications)
        user.groups.add(role)
    client.force_login(user)
    return client


@pytest.mark.parametrize(("page", "feed"), PAGES.items())
def test_a_public_page_names_its_feed_which_needs_no_account(page: str, feed: str) -> None:
    assert feed_of(Client(), page) == feed
    found = entries(Client(), feed)
    assert "The Gazette: Post 1." in found
    assert ("The Herald: Post 2." in found) == ("publications" not in page)


def test_the_feed_of_a_publication_takes_the_filters_of_its_posts() -> None:
    titled = with_entities("4").model_copy(update={"title": "Floods in Ghent"})
    open_store().add([titled])
    page = f"/publications/{GAZETTE}/posts?title=flood&since=2026-05-04"
    feed = feed_of(Client(), page)
    assert feed == f"/publications/{GAZETTE}.atom?since=2026-05-04&title=flood"
    assert entries(Client(), feed) == ["The Gazette: Post 4."]
    assert Client().get(f"/publications/{GAZETTE}.atom?since=x").status_code == 400
    assert Client().get(f"/publications/{'0' * 32}.atom").status_code == 404


def test_a_search_that_is_not_valid_has_no_feed() -> None:
    assert Client().get("/search.atom").status_code == 400
    assert Client().get("/search.atom?q=...").status_code == 400
    assert entries(Client(), "/search.atom?q=nobody") == []


@pytest.mark.parametrize("page", PAGES)
def test_where_pages_need_a_login_the_feed_has_a_secret_address_that_can_be_changed(
    page: str, settings: Any
) -> None:
    settings.PAGES = "login"
    assert Client().get(PAGES[page]).status_code == 302
    client = reader()
    feed = feed_of(client, page)
    assert feed.startswith("/feeds/")
    assert "The Gazette: Post 1." in entries(Client(), feed)
    client.post("/watches", {"do": "move_feeds"})
    assert Client().get(feed).status_code == 404
    moved = feed_of(client, page)
    assert "The Gazette: Post 1." in entries(Client(), moved)
    User.objects.update(is_active=False)
    assert Client().get(moved).status_code == 404


@pytest.mark.parametrize("pages", ["public", "login"])
def test_the_feeds_of_a_limited_reader_show_only_what_the_reader_may_read(
    pages: str, settings: Any
) -> None:
    settings.PAGES = pages
    client = reader("the herald")
    for page in (f"/entities/{OBAMA_ID}", "/search?q=obama"):
        assert entries(Client(), feed_of(client, page)) == ["The Herald: Post 2."]
    secret = feed_of(client, f"/publications/{publication_id('The Herald')}")
    assert entries(Client(), secret) == ["The Herald: Post 2."]
    other = secret.replace(publication_id("The Herald"), GAZETTE)
    assert Client().get(other).status_code == 404


def test_the_posts_of_a_day_that_were_accepted_last_stand_first() -> None:
    later = [
        with_entities(str(n)).model_copy(update={"first_accepted_at": None}) for n in range(5, 60)
    ]
    moments = [
        post.model_copy(update={"accepted_at": post.accepted_at.replace(minute=n)})
        for n, post in enumerate(later)
    ]
    open_store().add(moments)
    found = entries(Client(), f"/publications/{quote(GAZETTE)}.atom")
    assert found == [f"The Gazette: Post {n}." for n in range(59, 9, -1)]
