"""The pages, without a browser."""

import re
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


GAZETTE = f"/publications/{publication_id('The Gazette')}"
WINDOW = "since=2026-05-10&until=2026-05-12"


@pytest.fixture
def year() -> None:
    """Save a post for each day of May, and one in January, in two publications."""
    days = [datetime(2026, 1, 5, tzinfo=UTC)]
    days += [datetime(2026, 5, 1 + n, tzinfo=UTC) for n in range(31)]
    store = open_store()
    for day in days:
        found = [entity("Always"), entity(f"Of {day:%B}", 2, label="ORG")]
        store.add([with_entities(f"{day}", found, published_at=day)])
    store.add([with_entities("w", [entity("Always", 40)], publication="W", published_at=days[9])])
    for name in ("The Gazette", "W"):
        summarise(store, publication_id(name))


def test_the_days_move_the_chart_the_cloud_the_kinds_and_the_table(year: None) -> None:
    page = html(f"{GAZETTE}?{WINDOW}")
    assert "Posts by day <small>2026-05-10 to 2026-05-12</small>" in page
    assert page.count('<tr><th scope="row">2026-05-1') == 3
    assert "count 3 posts from 2026-05-10 to 2026-05-12." in page
    assert 'title="6 mentions, Organisations"' in page
    assert "Counted in 3 posts from 2026-05-10 to 2026-05-12" in page
    assert "Of January" not in page
    assert '<td class="number">1</td><td class="number">3</td>' in page  # People: Always
    assert "Of January" in html(GAZETTE)


@pytest.mark.parametrize(
    ("query", "caption"),
    [
        ("", "Posts by week"),
        ("step=day", "Posts by day"),
        ("step=month", "Posts by month"),
        ("step=year", "Posts by year"),
        ("step=hour", "Posts by week"),
    ],
)
def test_a_chart_has_the_step_that_is_chosen_and_says_it(
    year: None, query: str, caption: str
) -> None:
    assert f"{caption} <small>2026-01-05 to 2026-05-31</small>" in html(f"{GAZETTE}?{query}")


def test_buttons_show_the_last_days(year: None) -> None:
    page = html(f"{GAZETTE}?family=PERSON")
    for days, since in ((7, "2026-05-25"), (30, "2026-05-02"), (90, "2026-03-03")):
        link = f"?family=PERSON&amp;since={since}&amp;until=2026-05-31"
        assert f'<a href="{link}">{days} days</a>' in page
    assert 'aria-current="true">7 days' in html(f"{GAZETTE}?since=2026-05-25&until=2026-05-31")


def test_the_days_and_the_order_move_a_names_page(year: None) -> None:
    path = f"/entities/{entity_id('PERSON', 'always')}"
    page = html(f"{path}?{WINDOW}")
    assert "Mentions by day <small>2026-05-10 to 2026-05-12</small>" in page
    assert "<dd>3 <small>of 3</small></dd>" in page
    names = [page.index(f">{name}</a></th>") for name in ("The Gazette", "W")]
    assert names == sorted(names)
    everything = html(path)
    assert "Mentions by week <small>2026-01-05 to 2026-05-31</small>" in everything
    assert everything.index(">W</a></th>") < everything.index(">The Gazette</a></th>")
    by_posts = html(f"{path}?order=posts")
    assert "Posts by week" in by_posts
    assert by_posts.index(">The Gazette</a></th>") < by_posts.index(">W</a></th>")
    assert "since is after until" in html(f"{path}?since=2026-05-03&until=2026-05-01")


def test_names_are_ordered_by_posts_everywhere(year: None) -> None:
    once = with_entities(
        "once", [entity("Once", 99)], published_at=datetime(2026, 5, 11, tzinfo=UTC)
    )
    open_store().add([once])
    summarise(open_store(), publication_id("The Gazette"))
    for path in ("/", GAZETTE, f"{GAZETTE}?{WINDOW}"):
        assert 'title="99 mentions, People"' in html(path)
        by_posts = html(f"{path}{'&' if '?' in path else '?'}order=posts")
        assert 'title="1 post, People"' in by_posts
        assert "Names in most posts, sized by posts" in by_posts


def test_the_lines_of_the_front_page_share_one_axis_and_say_it(year: None) -> None:
    page = html("/")
    assert "Each line shows the posts by week from 2026-01-05 to 2026-05-31," in page
    lines = re.findall(r'<svg[^>]*aria-label="Posts by week"', page)
    assert len(lines) == 2
