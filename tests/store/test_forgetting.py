"""Forgetting whole posts: their counts stay, a recount agrees, and nothing counts twice."""

from datetime import UTC, datetime

import pytest

from ingest.core.counts import Counts, count_posts
from ingest.core.entity_names import entity_id
from ingest.store.base import Store
from tests.support.factories import entity, with_entities
from tests.support.stores import mentions

OLD, NOW = datetime(2025, 1, 1, 12, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
OBAMA = entity_id("PERSON", "obama")
OLD_POSTS = [
    with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")], accepted_at=OLD),
    with_entities("2", [entity("Obama", 3)], accepted_at=OLD),
]
POSTS = [*OLD_POSTS, with_entities("3", [entity("Obama")])]


@pytest.fixture
def forgotten(store: Store) -> Store:
    """Return a store that has forgotten the old posts."""
    store.add(POSTS)
    found = store.posts_before("2026-01-01", limit=10)
    assert sorted(found) == sorted(post.post_id for post in OLD_POSTS)
    assert store.forget(found, at=NOW) == 2
    return store


def is_exact(store: Store, name: str) -> bool:
    recount = store.recount(name)
    return not recount.diff and bool(recount.stored)


def test_counts_stay_and_a_recount_agrees(forgotten: Store) -> None:
    assert mentions(forgotten, "The Gazette") == {"obama": (6, 3), "oslo": (1, 1)}
    assert is_exact(forgotten, "The Gazette")
    assert forgotten.checkpoint("The Gazette") == count_posts(OLD_POSTS)
    assert [p.post_id for p in forgotten.posts_mentioning(OBAMA, limit=9)] == [POSTS[2].post_id]
    assert forgotten.posts_before("2026-01-01", limit=10) == []


def test_a_forgotten_post_never_counts_again_and_cannot_be_taken_out(forgotten: Store) -> None:
    post_id = OLD_POSTS[0].post_id
    edit = OLD_POSTS[0].model_copy(update={"accepted_at": NOW, "entities": ()})
    assert forgotten.add([OLD_POSTS[0], edit]) == 0
    assert not forgotten.remove(post_id, at=NOW)
    assert forgotten.forget([post_id], at=NOW) == 0
    record = forgotten.get_record(post_id)
    assert (record.post, record.forgotten_at) == (None, NOW)
    assert record.covers(edit)
    assert mentions(forgotten, "The Gazette") == {"obama": (6, 3), "oslo": (1, 1)}
    assert is_exact(forgotten, "The Gazette")


def test_a_deleted_post_is_not_forgotten(store: Store) -> None:
    store.add(OLD_POSTS)
    store.remove(OLD_POSTS[0].post_id, at=NOW)
    assert store.forget([OLD_POSTS[0].post_id], at=NOW) == 0
    assert store.get_record(OLD_POSTS[0].post_id).deleted_at == NOW


def test_a_checkpoint_moves_to_another_publication_once(forgotten: Store) -> None:
    for _ in range(2):
        forgotten.move_checkpoint("The Gazette", "The Times")
    assert mentions(forgotten, "The Gazette") == {"obama": (1, 1)}
    assert mentions(forgotten, "The Times") == {"obama": (5, 2), "oslo": (1, 1)}
    assert forgotten.checkpoint("The Gazette") == Counts()
    assert is_exact(forgotten, "The Gazette")
    assert is_exact(forgotten, "The Times")


def test_one_name_is_dropped_from_a_checkpoint(forgotten: Store) -> None:
    for _ in range(2):
        forgotten.move_checkpoint("The Gazette", None, only=[("PERSON", "obama")])
    assert mentions(forgotten, "The Gazette") == {"obama": (1, 1), "oslo": (1, 1)}
    assert is_exact(forgotten, "The Gazette")
    publication = forgotten.publication("The Gazette")
    assert publication is not None
    assert publication.posts == 3


def test_a_checkpoint_is_added_with_its_counters(forgotten: Store) -> None:
    forgotten.add_checkpoint("Herald", count_posts(OLD_POSTS))
    assert mentions(forgotten, "Herald") == {"obama": (5, 2), "oslo": (1, 1)}
    assert is_exact(forgotten, "Herald")


def test_posts_with_a_text_are_found_until_it_is_gone(store: Store) -> None:
    store.add(POSTS)
    found = store.posts_before("2026-01-01", limit=10, with_text=True)
    assert len(found) == 2
    assert store.revise(found, lambda post: post.model_copy(update={"content": ""})) == 2
    assert store.posts_before("2026-01-01", limit=10, with_text=True) == []
    assert len(store.posts_before("2026-01-01", limit=10)) == 2
    store.add(POSTS)
    texts = {post.post_id: post.content for post in store.posts("The Gazette", limit=9)}
    assert [texts[post.post_id] for post in POSTS] == ["", "", "Post 3."]
    assert is_exact(store, "The Gazette")


def test_posts_of_this_version_are_found_without_an_index_of_their_own(store: Store) -> None:
    store.add(POSTS)
    assert store.index_posts("The Gazette") == 0
    assert len(store.posts_before("2026-01-01", limit=10)) == 2


def test_a_publication_is_shown_under_the_name_it_is_given(store: Store) -> None:
    store.add(POSTS)
    store.name_publication("THE Gazette")
    assert [p.name for p in store.publications()] == ["THE Gazette"]


def test_what_counts_nothing_any_more_leaves_no_name(store: Store) -> None:
    store.add([*POSTS, with_entities("4", [entity("Odin")])])
    store.remove(with_entities("4").post_id, at=NOW)
    assert store.drop_zeros("The Gazette") == 1
    assert store.drop_zeros("The Gazette") == 0
    store.add([with_entities("5", [entity("Odin")])])
    assert mentions(store, "The Gazette") == {"obama": (6, 3), "oslo": (1, 1), "odin": (1, 1)}
    assert is_exact(store, "The Gazette")
