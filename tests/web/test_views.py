"""The pages, without a browser."""

from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from django.test import Client

from ingest.analytics.summaries import summarise
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.store import open_store
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]


@pytest.mark.parametrize(
    ("url", "is_linked"),
    [
        ("https://example.org/a", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("ftp://example.org", False),
        ("", False),
    ],
)
def test_a_page_links_only_to_web_addresses_whatever_is_saved(url: str, is_linked: bool) -> None:
    post = with_entities("1", [entity("Odin")])
    open_store().add([post.model_copy(update={"url": url, "title": "A title"})])
    page = Client().get(f"/entities/{entity_id('PERSON', 'odin')}").content.decode()
    assert "A title" in page
    assert ('rel="nofollow noopener noreferrer">A title</a>' in page) is is_linked


@pytest.mark.parametrize("window", ["", "?since=0001-01-01&until=9999-12-31", "?since=9999-12-31"])
def test_pages_show_posts_at_the_ends_of_the_calendar(window: str) -> None:
    ends = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    store = open_store()
    store.add([with_entities(str(end), [entity("Odin")], published_at=end) for end in ends])
    for path in ("", f"publications/{publication_id('The Gazette')}{window}"):
        page = Client().get(f"/{path}")
        assert page.status_code == HTTPStatus.OK
        assert "Odin" in page.content.decode() or not path
    entity_page = Client().get(f"/entities/{entity_id('PERSON', 'odin')}").content.decode()
    assert '<time datetime="9999-12-31">' in entity_page
    assert '<time datetime="0001-01-01">' in entity_page
    exported = Client().get(f"/publications/{publication_id('The Gazette')}/entities.csv{window}")
    assert b"Odin" in b"".join(exported)


def test_every_page_has_a_search_for_a_name_that_finds_it() -> None:
    found = [entity("Zoë Müller", 3), entity("Zora", label="ORG")]
    open_store().add([with_entities("1", found), with_entities("2", found[:1], publication="B")])
    for path in ("", f"publications/{publication_id('B')}", "compare", "login"):
        assert '<form class="search" role="search" action="/search">' in html(f"/{path}")
    page = html("/search?q=mull")
    assert "Zoë Müller" in page
    assert "1 name in all publications." in page
    assert f"?publication={publication_id('B')}" in page
    assert "Zora" in html("/search?q=z&family=GROUP")
    assert "No publication mentions" in html("/search?q=nobody")
    assert "has no letter or digit" in html("/search?q=!")


def html(path: str) -> str:
    """Return a page that is there."""
    page = Client().get(path)
    assert page.status_code == HTTPStatus.OK
    return page.content.decode()


def test_pages_show_what_rises_and_falls_with_both_samples() -> None:
    gazette = publication_id("The Gazette")
    early = [datetime(2026, 3, 1 + n, tzinfo=UTC) for n in range(20)]
    late = [datetime(2026, 5, 1 + n, tzinfo=UTC) for n in range(20)]
    store = open_store()
    store.add([with_entities(f"{d}", [entity("Fell")], published_at=d) for d in early])
    store.add([with_entities(f"{d}", [entity("Rose")], published_at=d) for d in late])
    summarise(store, gazette)
    assert "Rising</a> since 2026-04-21:" in html("/")
    for path in ("", "/trends", "/trends?since=2026-05-01&baseline=2026-03-01"):
        page = " ".join(html(f"/publications/{gazette}{path}").split())
        rising, _, falling = page.partition('id="falling"')
        assert "Rose" in rising.partition('id="rising"')[2]
        assert "Fell" in falling
        assert "20 posts from " in page
        assert '<strong class="new">New</strong>' in page
    assert "There is no post to compare with" in html(
        f"/publications/{gazette}/trends?since=2026-01-01"
    )
    wrong = html(f"/publications/{gazette}/trends?baseline=2026-03-01")
    assert "baseline needs since" in wrong
