"""How counts add up."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.core.counts import Counts, count_post, count_posts, merge_counts
from tests.support.factories import NOON, entity, with_entities

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


def test_the_most_frequent_form_and_label_are_shown() -> None:
    posts = [
        with_entities("1", [entity("OSLO", 2, label="FAC")]),
        with_entities("2", [entity("Oslo", 3, label="GPE")]),
        with_entities("3", [entity("Oslo", 4, label="PERSON")]),
    ]
    entities = count_posts(posts).entities
    assert entities.keys() == {("PLACE", "oslo"), ("PERSON", "oslo")}
    place = entities["PLACE", "oslo"]
    assert (place.label, place.text, place.mentions) == ("GPE", "Oslo", 5)


ENTITIES = st.builds(
    entity,
    st.sampled_from(["Obama", "OBAMA", "Oslo", "US", "U.S."]),
    st.integers(1, 5),
    label=st.sampled_from(["PERSON", "GPE", "LOC"]),
)
DAYS = st.integers(0, 3).map(lambda days: NOON + timedelta(days=days))
COUNTS = st.builds(
    with_entities, st.just("1"), st.lists(ENTITIES, max_size=6), published_at=DAYS
).map(count_post)
SUMS = st.lists(COUNTS, max_size=4).map(merge_counts)


@given(SUMS, SUMS, SUMS)
def test_merging_is_commutative_and_associative_and_mutates_nothing(
    a: Counts, b: Counts, c: Counts
) -> None:
    before = deepcopy((a, b, c))
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Counts() == Counts() + a == a
    assert (a, b, c) == before


@given(SUMS, SUMS)
def test_added_counts_can_be_subtracted_again(a: Counts, b: Counts) -> None:
    assert (a + b) - b == a
    assert a - a == Counts()
    assert not a - a
    assert a + (b - a) == b


@given(SUMS, st.integers(3, 6), st.integers(1, 3))
def test_parts_add_up_to_the_whole_and_change_few_sums_each(
    counts: Counts, changes: int, entities: int
) -> None:
    parts = list(counts.parts(changes=changes, entities=entities))
    assert merge_counts(parts) == counts
    assert all(part.most_changes() <= changes for part in parts)
    assert all(len(part.entities) <= entities for part in parts)
