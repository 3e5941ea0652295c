"""How counts add up."""

from copy import deepcopy
from datetime import UTC, datetime

from ingest.counts import Counts, count_post, count_posts, merge_counts
from tests.making import entity, with_entities

POSTS = [
    with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")]),
    with_entities("2", [entity("OBAMA", 1), entity("obama", 3)]),
    with_entities("3", [entity("Obama", 5)], published_at=datetime(2026, 1, 2, 23, 30, tzinfo=UTC)),
]


def test_a_post_counts_an_entity_once_under_all_its_forms() -> None:
    counts = count_post(POSTS[1]).entities[("PERSON", "obama")]
    assert (counts.mentions, counts.posts, counts.text) == (4, 1, "obama")


def test_posts_and_mentions_add_up_by_day() -> None:
    counts = count_posts(POSTS)
    obama = counts.entities[("PERSON", "obama")]
    assert (counts.posts, dict(counts.days)) == (3, {"2026-05-04": 2, "2026-01-02": 1})
    assert (obama.mentions, obama.posts, obama.text) == (11, 3, "Obama")
    assert dict(obama.days) == {"2026-05-04": 6, "2026-01-02": 5}


def test_five_articles_and_seven_make_twelve() -> None:
    five = merge_counts([count_post(POSTS[0])] * 5)
    seven = merge_counts([count_post(POSTS[1])] * 7)
    assert (five + seven).posts == 12


def test_merging_is_commutative_and_associative_and_mutates_nothing() -> None:
    a, b, c = (count_post(post) for post in POSTS)
    before = deepcopy((a, b, c))
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Counts() == Counts() + a == a
    assert (a, b, c) == before
