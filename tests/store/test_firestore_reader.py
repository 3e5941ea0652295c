"""What a store tells those who look at counts: the same from memory and from Firestore."""

from datetime import UTC, datetime

import pytest

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
from ingest.store.memory import MemoryStore
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


@pytest.fixture(params=["memory", "firestore"])
def store(request: pytest.FixtureRequest) -> Store:
    """Return each store, with posts in it."""
    store: Store = (
        MemoryStore() if request.param == "memory" else request.getfixturevalue("firestore")
    )
    store.add(POSTS)
    return store


def texts(entities: list[StoredEntity]) -> list[str]:
    return [e.text for e in entities]


def test_publications_come_by_name_and_page_by_page(store: Store) -> None:
    names = [p.name for p in store.publications()]
    assert names == ["The Gazette", "The Herald", "The Wire"]
    assert [p.name for p in store.publications(limit=1, after="The Gazette")] == ["The Herald"]


def test_a_publication_is_found_by_its_id_and_knows_its_days(store: Store) -> None:
    publication = store.publication_by_id(publication_id(GAZETTE))
    assert publication
    assert publication == store.publication("the  gazette")
    assert dict(publication.days) == {"2026-05-01": 1, "2026-05-03": 1}
    assert (publication.posts, publication.first_day) == (2, "2026-05-01")
    assert store.publication_by_id("0" * 32) is None


def test_entities_of_one_family(store: Store) -> None:
    assert texts(store.entities(GAZETTE, EntityFilter(limit=5, family="PERSON"))) == [
        "Obama",
        "Odin",
    ]
    (odin,) = store.entities(
        GAZETTE, EntityFilter(limit=5, family="PERSON", after=Cursor(5, OBAMA))
    )
    assert odin.text == "Odin"
    assert store.entities(GAZETTE, EntityFilter(limit=5, family="GROUP")) == []


def test_a_list_with_days_has_them(store: Store) -> None:
    (obama,) = store.entities(GAZETTE, EntityFilter(limit=1, days=True))
    assert dict(obama.days) == {"2026-05-01": 2, "2026-05-03": 3}


def test_entities_are_looked_up_by_the_beginning_of_their_key(store: Store) -> None:
    first, *rest = store.entities_by_prefix(GAZETTE, "o", EntityFilter(limit=9))
    assert texts([first, *rest]) == ["Obama", "Odin", "Oslo"]
    assert texts(store.entities_by_prefix(GAZETTE, "od", EntityFilter(limit=9))) == ["Odin"]
    assert texts(store.entities_by_prefix(GAZETTE, "o", EntityFilter(limit=9, family="PLACE"))) == [
        "Oslo"
    ]
    after = KeyCursor(first.key, first.id)
    assert texts(store.entities_by_prefix(GAZETTE, "o", EntityFilter(limit=1, after=after))) == [
        "Odin"
    ]
    assert store.entities_by_prefix(GAZETTE, "ox", EntityFilter(limit=9)) == []


def test_entities_by_id_come_with_their_days(store: Store) -> None:
    found = {e.id: e for e in store.entities_by_id(GAZETTE, [OBAMA, OSLO, "0" * 32])}
    assert found.keys() == {OBAMA, OSLO}
    assert dict(found[OBAMA].days) == {"2026-05-01": 2, "2026-05-03": 3}


def test_one_entity_in_every_publication_that_mentions_it(store: Store) -> None:
    found = store.entity_everywhere(OBAMA, limit=5)
    assert [(p.name, p.posts, e.mentions) for p, e in found] == [
        ("The Gazette", 2, 5),
        ("The Wire", 1, 1),
    ]
    assert [p.name for p, _ in store.entity_everywhere(OBAMA, limit=1)] == ["The Gazette"]


def test_the_posts_that_mention_an_entity_come_newest_first(store: Store) -> None:
    found = store.posts_mentioning(OBAMA, limit=9)
    assert [p.post_id for p in found] == [POSTS[n].post_id for n in (1, 2, 0)]
    assert found[0].content == POSTS[1].content
    own = store.posts_mentioning(OBAMA, name="the gazette", limit=1)
    assert own == [POSTS[1]]
    after = PostCursor(own[0].day.isoformat(), own[0].post_id)
    assert store.posts_mentioning(OBAMA, name=GAZETTE, limit=9, after=after) == [POSTS[0]]


def test_families_add_up(store: Store) -> None:
    assert store.families(GAZETTE) == [FamilyCounts("PERSON", 2, 6), FamilyCounts("PLACE", 1, 1)]
    assert store.families("Nowhere") == []


def test_a_summary_is_kept_until_the_next(store: Store) -> None:
    pub_id = publication_id(GAZETTE)
    for text in ("one", "another"):
        store.keep_summary(pub_id, text)
        publication = store.publication(GAZETTE)
        assert publication
        assert publication.summary == text


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
