"""Lists of posts on each store: days, titles, totals, and pages that fit together."""

from datetime import UTC, datetime

import pytest

from ingest.analytics import post_list
from ingest.analytics.post_list import PostList, PostListQuery, PostSource, list_posts
from ingest.core.entity_names import entity_id
from ingest.store.base import Store
from tests.support.factories import entity, with_entities

OBAMA = entity_id("PERSON", "obama")
TITLES = ("Obama in Oslo", "A day in Õslo", "Rain", "Oslo again", "Osloer Abend", "Snow")


@pytest.fixture
def source(store: Store) -> PostSource:
    """Return the posts of a publication, one a day, and another publication's beside them."""
    posts = [
        with_entities(
            str(n),
            [entity("Obama")] if n % 2 else [],
            published_at=datetime(2026, 5, 1 + n, 9, tzinfo=UTC),
        ).model_copy(update={"title": title})
        for n, title in enumerate(TITLES)
    ]
    store.add([*posts, with_entities("x", [entity("Obama")], publication="The Wire")])
    publication = store.publication("The Gazette")
    assert publication
    return PostSource(store, publication)


def titles(found: PostList) -> list[str | None]:
    return [post.title for post in found.posts]


def all_pages(source: PostSource, **parameters: object) -> list[PostList]:
    pages = [list_posts(source, PostListQuery(limit=2, **parameters))]  # type: ignore[arg-type]
    while cursor := pages[-1].next:
        query = PostListQuery(limit=2, cursor=cursor, **parameters)  # type: ignore[arg-type]
        pages.append(list_posts(source, query))
    return pages


def test_pages_of_a_publication_fit_together_and_know_the_total(source: PostSource) -> None:
    pages = all_pages(source, since="2026-05-02")
    assert [title for page in pages for title in titles(page)] == list(reversed(TITLES))[:-1]
    assert {(page.total, page.searched) for page in pages} == {(5, None)}


def test_the_posts_of_a_name_are_counted_in_one_publication_or_all(source: PostSource) -> None:
    own = PostSource(source.store, source.publication, OBAMA)
    assert (all_pages(own)[0].total, titles(all_pages(own)[0])) == (3, ["Snow", "Oslo again"])
    assert all_pages(PostSource(source.store, None, OBAMA))[0].total == 4
    within = list_posts(own, PostListQuery(until="2026-05-03"))
    assert (titles(within), within.total) == (["A day in Õslo"], 1)


def test_a_title_is_found_by_beginnings_of_its_words(source: PostSource) -> None:
    pages = all_pages(source, title="OSLO")
    found = ["Osloer Abend", "Oslo again", "A day in Õslo", "Obama in Oslo"]
    assert [title for page in pages for title in titles(page)] == found
    assert {(page.total, page.searched) for page in pages} == {(4, 6)}
    assert pages[0].posts[0].content == "Post 4."
    assert titles(list_posts(source, PostListQuery(title="oslo day"))) == ["A day in Õslo"]
    assert list_posts(source, PostListQuery(title="!")).posts == []


def test_a_search_of_titles_says_how_many_it_read(
    source: PostSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_list, "SEARCHED_POSTS", 2)
    found = list_posts(source, PostListQuery(title="oslo"))
    assert (titles(found), found.total, found.searched) == (["Osloer Abend"], 1, 2)


def test_a_page_of_titles_goes_on_behind_a_post_that_is_gone(source: PostSource) -> None:
    query = PostListQuery(title="oslo", limit=1)
    first = list_posts(source, query)
    after = first.posts[0]
    source.store.remove(after.post_id, at=datetime(2027, 1, 1, tzinfo=UTC))  # type: ignore[attr-defined]
    assert first.next
    second = list_posts(source, PostListQuery(title="oslo", limit=1, cursor=first.next))
    assert titles(second) == ["Oslo again"]
