"""What a store tells those who look at counts: the same from SQL and from Firestore."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ingest.core.day_window import DayWindow
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.store.base import (
    Cursor,
    EntityFilter,
    FamilyCounts,
    KeyCursor,
    PostCursor,
    Store,
    StoredEntity,
)
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import entity, with_entities

GAZETTE = "The Gazette"
OBAMA, OSLO = entity_id("PERSON", "obama"), entity_id("PLACE", "oslo")


def on(day: int) -> datetime:
    """Return a moment of a day in May."""
    return datetime(2026, 5, day, 9, tzinfo=UTC)


POSTS = [
    with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")], published_at=on(1)),
    with_entities("2", [entity("Obama", 3), entity("Odin")], published_at=on(3)),
    with_entities("3", [entity("Obama")], publication="The Wire", published_at=on(2)),
    with_entities("4", [entity("Zoë", 9)], publication="The Herald", published_at=on(2)),
]


@pytest.fixture
def saved(store: Store) -> Store:
    """Return each store, with posts in it."""
    store.add(POSTS)
    return store


def texts(entities: list[StoredEntity]) -> list[str]:
    return [e.text for e in entities]


def test_publications_come_by_name_and_page_by_page(saved: Store) -> None:
    names = [p.name for p in saved.publications()]
    assert names == ["The Gazette", "The Herald", "The Wire"]
    assert [p.name for p in saved.publications(limit=1, after="The Gazette")] == ["The Herald"]


def test_a_publication_is_found_by_its_id_and_knows_its_days(saved: Store) -> None:
    publication = saved.publication_by_id(publication_id(GAZETTE))
    assert publication
    assert publication == saved.publication("the  gazette")
    assert dict(publication.days) == {"2026-05-01": 1, "2026-05-03": 1}
    assert (publication.posts, publication.first_day) == (2, "2026-05-01")
    assert saved.publication_by_id("0" * 32) is None


def test_entities_of_one_family(saved: Store) -> None:
    assert texts(saved.entities(GAZETTE, EntityFilter(limit=5, family="PERSON"))) == [
        "Obama",
        "Odin",
    ]
    (odin,) = saved.entities(
        GAZETTE, EntityFilter(limit=5, family="PERSON", after=Cursor(5, OBAMA))
    )
    assert odin.text == "Odin"
    assert saved.entities(GAZETTE, EntityFilter(limit=5, family="GROUP")) == []


def test_a_list_with_days_has_them(saved: Store) -> None:
    (obama,) = saved.entities(GAZETTE, EntityFilter(limit=1, days=True))
    assert dict(obama.days) == {"2026-05-01": 2, "2026-05-03": 3}


def test_entities_are_looked_up_by_the_beginning_of_their_key(saved: Store) -> None:
    first, *rest = saved.entities_by_prefix(GAZETTE, "o", EntityFilter(limit=9))
    assert texts([first, *rest]) == ["Obama", "Odin", "Oslo"]
    assert texts(saved.entities_by_prefix(GAZETTE, "od", EntityFilter(limit=9))) == ["Odin"]
    assert texts(saved.entities_by_prefix(GAZETTE, "o", EntityFilter(limit=9, family="PLACE"))) == [
        "Oslo"
    ]
    after = KeyCursor(first.key, first.id)
    assert texts(saved.entities_by_prefix(GAZETTE, "o", EntityFilter(limit=1, after=after))) == [
        "Odin"
    ]
    assert saved.entities_by_prefix(GAZETTE, "ox", EntityFilter(limit=9)) == []


def test_entities_by_id_come_with_their_days(saved: Store) -> None:
    found = {e.id: e for e in saved.entities_by_id(GAZETTE, [OBAMA, OSLO, "0" * 32, "__x__"])}
    assert found.keys() == {OBAMA, OSLO}
    assert dict(found[OBAMA].days) == {"2026-05-01": 2, "2026-05-03": 3}
    assert dict(found[OBAMA].post_days) == {"2026-05-01": 1, "2026-05-03": 1}


def test_one_entity_in_every_publication_that_mentions_it(saved: Store) -> None:
    found = saved.entity_everywhere(OBAMA, limit=5)
    assert [(p.name, p.posts, e.mentions) for p, e in found] == [
        ("The Gazette", 2, 5),
        ("The Wire", 1, 1),
    ]
    assert [p.name for p, _ in saved.entity_everywhere(OBAMA, limit=1)] == ["The Gazette"]


def test_the_posts_that_mention_an_entity_come_newest_first(saved: Store) -> None:
    found = saved.posts_mentioning(OBAMA, limit=9)
    assert [p.post_id for p in found] == [POSTS[n].post_id for n in (1, 2, 0)]
    assert found[0].content == POSTS[1].content
    own = saved.posts_mentioning(OBAMA, name="the gazette", limit=1)
    assert own == [POSTS[1]]
    after = PostCursor(own[0].day.isoformat(), own[0].post_id)
    assert saved.posts_mentioning(OBAMA, name=GAZETTE, limit=9, after=after) == [POSTS[0]]


def test_the_posts_that_mention_an_entity_are_of_the_days_asked_for(saved: Store) -> None:
    window = DayWindow("2026-05-02", "2026-05-03")
    found = saved.posts_mentioning(OBAMA, window=window, limit=9, content=False)
    assert [(p.post_id, p.content) for p in found] == [(POSTS[n].post_id, "") for n in (1, 2)]
    assert found[0].entities == POSTS[1].entities
    until = DayWindow(until="2026-05-01")
    assert saved.posts_mentioning(OBAMA, name=GAZETTE, window=until, limit=9) == [POSTS[0]]


def test_the_posts_of_a_publication_come_newest_first(saved: Store) -> None:
    assert saved.newest_posts(GAZETTE, limit=9) == [POSTS[1], POSTS[0]]
    after = PostCursor("2026-05-03", POSTS[1].post_id)
    assert saved.newest_posts("the gazette", limit=9, after=after) == [POSTS[0]]
    window = DayWindow("2026-05-01", "2026-05-02")
    (post,) = saved.newest_posts(GAZETTE, window=window, limit=9, content=False)
    assert (post.post_id, post.content) == (POSTS[0].post_id, "")
    saved.remove(POSTS[0].post_id, at=on(9))
    assert saved.newest_posts(GAZETTE, limit=9) == [POSTS[1]]
    saved.add([POSTS[1].model_copy(update={"published_at": on(7), "accepted_at": on(8)})])
    (post,) = saved.newest_posts(GAZETTE, window=DayWindow("2026-05-07"), limit=9)
    assert (post.post_id, post.day.isoformat()) == (POSTS[1].post_id, "2026-05-07")


def test_posts_are_read_by_their_ids_in_the_order_of_these(saved: Store) -> None:
    ids = [POSTS[2].post_id, "0" * 32, "no id", POSTS[0].post_id]
    assert saved.posts_by_id(ids) == [POSTS[2], POSTS[0]]


def test_the_names_of_publications_come_without_their_counts(saved: Store) -> None:
    names = saved.publication_names(limit=2)
    assert names == [(publication_id(n), n) for n in ("The Gazette", "The Herald")]
    assert [n for _, n in saved.publication_names(limit=9, after="The Herald")] == ["The Wire"]


def test_a_page_goes_on_where_a_token_of_another_store_ended(saved: Store) -> None:
    unknown = "f" * 32
    found = saved.posts_mentioning(OBAMA, limit=9, after=PostCursor("2026-05-03", unknown))
    assert {p.post_id for p in found} >= {POSTS[2].post_id, POSTS[0].post_id}
    after = Cursor(5, unknown)
    page = saved.entities_within(
        GAZETTE, DayWindow("2026-05-01"), EntityFilter(limit=9, after=after)
    )
    assert {"Odin", "Oslo"} <= set(texts(page.entities))


def test_families_add_up(saved: Store) -> None:
    assert saved.families(GAZETTE) == [FamilyCounts("PERSON", 2, 6), FamilyCounts("PLACE", 1, 1)]
    assert saved.families("Nowhere") == []


def test_a_summary_is_kept_until_the_next(saved: Store) -> None:
    pub_id = publication_id(GAZETTE)
    for text in ("one", "another"):
        saved.keep_summary(pub_id, text)
        publication = saved.publication(GAZETTE)
        assert publication
        assert publication.summary == text


FIRST, SECOND = on(1), on(2)
BY_DAY = [
    with_entities("1", [entity("Always", 5), entity("Early", 9)], published_at=FIRST),
    with_entities("2", [entity("Always", 5), entity("Late", 8)], published_at=SECOND),
]
FROM_THE_SECOND = DayWindow(since="2026-05-02")


def test_entities_are_ranked_by_what_counts_within_a_window(store: Store) -> None:
    store.add(BY_DAY)
    ranking = store.entities_within(GAZETTE, FROM_THE_SECOND, EntityFilter(limit=9))
    assert [(e.text, e.mentions) for e in ranking.entities] == [("Late", 8), ("Always", 5)]
    assert ranking.is_exact


def test_a_page_within_a_window_goes_on_after_a_cursor(store: Store) -> None:
    names = [entity(f"Name {n}", mentions=1 + n % 3) for n in range(10)]
    store.add([*BY_DAY, with_entities("3", names, published_at=SECOND)])
    found: list[StoredEntity] = []
    after = None
    while page := store.entities_within(
        GAZETTE, FROM_THE_SECOND, EntityFilter(limit=4, after=after, family="PERSON"), prefix="n"
    ).entities:
        found += page
        after = Cursor(page[-1].mentions, page[-1].id)
    assert [e.mentions for e in found] == [3, 3, 3, 2, 2, 2, 1, 1, 1, 1]
    assert set(texts(found)) == {e.text for e in names}


def test_firestore_says_where_the_order_within_a_window_is_uncertain(
    firestore: FirestoreStore,
) -> None:
    firestore.add(BY_DAY)
    wanted = EntityFilter[Cursor](limit=9, considered=2)
    ranking = firestore.entities_within(GAZETTE, FROM_THE_SECOND, wanted)
    # Late, with 8 mentions on one day, was not among the two that have 10 and 9 in all: so the 5
    # of Always are not certain to be the most.
    assert [(e.text, e.mentions) for e in ranking.entities] == [("Always", 5)]
    assert (ranking.considered, ranking.exact_prefix) == (2, 0)
    assert not ranking.is_exact


def test_the_posts_within_a_window_are_known(store: Store) -> None:
    store.add([*BY_DAY, with_entities("3", [entity("Always")], published_at=SECOND)])
    ranking = store.entities_within(GAZETTE, FROM_THE_SECOND, EntityFilter(limit=9))
    assert [(e.text, e.mentions, e.posts) for e in ranking.entities] == [
        ("Late", 8, 1),
        ("Always", 6, 2),
    ]
    assert ranking.considered == 3
    assert ranking.is_exact


def test_a_name_in_one_post_stands_after_one_in_many_when_ordered_by_posts(store: Store) -> None:
    often = [with_entities(f"p{n}", [entity("Often")], published_at=on(n)) for n in range(1, 5)]
    once = with_entities("once", [entity("Once", 28)], published_at=on(2))
    store.add([*often, once, *BY_DAY])
    wanted = EntityFilter[Cursor](limit=2, order="posts")
    found = store.entities(GAZETTE, wanted)
    assert [(e.text, e.posts) for e in found] == [("Often", 4), ("Always", 2)]
    rest = store.entities(GAZETTE, replace(wanted, limit=9, after=Cursor(2, found[-1].id)))
    assert set(texts(rest)) == {"Once", "Early", "Late"}
    assert texts(store.entities(GAZETTE, replace(wanted, family="GROUP"))) == []
    first, *_ = store.entities_within(GAZETTE, FROM_THE_SECOND, wanted).entities
    assert (first.text, first.posts, first.mentions) == ("Often", 3, 3)
    pages, after = [], None
    while page := store.entities_within(
        GAZETTE, FROM_THE_SECOND, replace(wanted, after=after)
    ).entities:
        pages += texts(page)
        after = Cursor(page[-1].posts, page[-1].id)
    assert sorted(pages) == ["Always", "Late", "Often", "Once"]


def test_a_moment_can_be_read_again_while_posts_flow(firestore: FirestoreStore) -> None:
    firestore.add(POSTS)
    publication = firestore.publication(GAZETTE)
    assert publication
    first = firestore.entities(GAZETTE, EntityFilter(limit=1, as_of=publication.read_time))
    firestore.add([with_entities("5", [entity("Odin", 50), entity("Oslo", 50, label="GPE")])])
    after = Cursor(first[0].mentions, first[0].id)
    rest = firestore.entities(
        GAZETTE, EntityFilter(limit=9, after=after, as_of=publication.read_time)
    )
    assert {e.text: e.mentions for e in rest} == {"Odin": 1, "Oslo": 1}
    assert texts(firestore.entities(GAZETTE, EntityFilter(limit=9, after=after))) == []
