"""What a publication mentions most, kept in one document: used while it is true, and only then."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ingest.analytics import top_entities
from ingest.analytics.summaries import summarise
from ingest.analytics.top_entities import read_top_entities
from ingest.core.counts import Counts, EntityCounts
from ingest.core.messages import PostEntities
from ingest.store.base import Cursor, EntityFilter, Publication, Store, StoredEntity
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import NOON, entity, with_entities

GAZETTE = "The Gazette"
POSTS = [
    with_entities(
        str(n),
        [entity(f"Person {n}", 1 + n % 3), entity("Oslo", label="GPE")],
    )
    for n in range(6)
]


def publication(store: Store) -> Publication:
    found = store.publication(GAZETTE)
    assert found
    return found


def read(store: Store, **asked: Any) -> Any:
    """Return a page of what is kept, or None where it cannot be used."""
    return read_top_entities(store, publication(store), EntityFilter(**{"limit": 3, **asked}))


def query(store: Store, **asked: Any) -> list[StoredEntity]:
    """Return a page of what there is; a list needs no days, and one store has them all the same."""
    return [replace(entity, days={}) for entity in store.entities(GAZETTE, EntityFilter(**asked))]


@pytest.fixture
def summed_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a store with seven entities, of which the first four are kept."""
    monkeypatch.setattr(top_entities, "TOP_SIZE", 4)
    monkeypatch.setattr("ingest.analytics.summaries.TOP_SIZE", 4)
    store.add(POSTS)
    assert read(store) is None
    summarise(store, publication(store).id)
    return store


def test_what_is_kept_is_what_a_query_finds(summed_up: Store) -> None:
    first = read(summed_up)
    assert first == query(summed_up, limit=3)
    assert first[0].text == "Oslo"
    after = Cursor(first[1].mentions, first[1].id)
    assert read(summed_up, limit=2, after=after) == query(summed_up, limit=2, after=after)
    person = read(summed_up, family="PERSON")
    assert person == query(summed_up, limit=3, family="PERSON")
    assert [e.family for e in person] == ["PERSON"] * 3


def test_a_page_that_is_not_all_there_is_not_used(summed_up: Store) -> None:
    assert read(summed_up, limit=5) is None
    assert read(summed_up, family="PLACE", limit=2) is None


def test_what_is_all_there_is_is_used_to_its_end(store: Store) -> None:
    store.add(POSTS)
    summarise(store, publication(store).id)
    assert len(read(store, limit=9)) == 7
    assert len(read(store, family="PLACE")) == 1


def revised(post: PostEntities) -> PostEntities:
    """Count another entity in a post: its publication's own counters stay as they were."""
    return post.model_copy(update={"entities": (entity("Lima", 9),)})


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.add([with_entities("9", [entity("Lima", 9)])]),
        lambda store: store.add([with_entities("0", accepted_at=NOON + timedelta(hours=1))]),
        lambda store: store.revise([POSTS[0].post_id], revised),
        lambda store: store.remove(POSTS[0].post_id, at=NOON),
    ],
    ids=["post", "edit", "rule", "deletion"],
)
def test_nothing_is_used_after_a_change(summed_up: Store, change: Callable[[Store], Any]) -> None:
    change(summed_up)
    assert read(summed_up) is None
    summarise(summed_up, publication(summed_up).id)
    assert read(summed_up) == query(summed_up, limit=3)


def test_nothing_is_used_after_a_repair(firestore: FirestoreStore) -> None:
    firestore.add(POSTS)
    summarise(firestore, publication(firestore).id)
    assert read(firestore)
    firestore.repair(GAZETTE, Counts(entities={("PLACE", "oslo"): EntityCounts(mentions=5)}))
    assert read(firestore) is None


def test_a_moment_before_the_change_is_read_by_a_query(firestore: FirestoreStore) -> None:
    firestore.add(POSTS)
    earlier = publication(firestore).read_time
    assert earlier
    firestore.add([with_entities("9", [entity("Lima", 9)])])
    summarise(firestore, publication(firestore).id)
    assert read(firestore, as_of=earlier) is None
    assert read(firestore, as_of=publication(firestore).read_time)


def test_a_query_is_not_made_where_what_is_kept_will_do(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.analytics.entity_list import EntityQuery, list_entities

    firestore.add(POSTS)
    summarise(firestore, publication(firestore).id)
    monkeypatch.delattr("google.cloud.firestore_v1.Query.stream")
    page = list_entities(firestore, publication(firestore), EntityQuery(limit=2))
    assert [e.mentions for e in page.entities] == [6, 3]
    assert page.next


def test_what_another_version_kept_is_not_used(store: Store) -> None:
    store.add(POSTS)
    found = publication(store)
    store.keep_summary(found.id, "{}", top_entities='{"version": 9}', as_of=found.changed_at)
    assert read(store) is None
