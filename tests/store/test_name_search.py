"""A name is found by the beginnings of its words, in any publication, on both stores."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections
from google.cloud.firestore_v1 import Client

from ingest.core.messages import PostEntities
from ingest.core.name_search import search_words
from ingest.store.base import NameFilter, NameSearch, Order, Store
from ingest.store.firestore.store import FirestoreStore
from ingest.store.sql.store import SqlStore
from tests.support.factories import NOON, entity, with_entities

POSTS = [
    with_entities("1", [entity("Yasser Arafat", 2), entity("Zoë Müller")]),
    with_entities("2", [entity("Yasser Arafat", 4)], publication="The Wire"),
    with_entities("3", [entity("Arafat Airport", 9, label="FAC"), entity("Yasmina Khan")]),
    with_entities("4", [entity("Zoë Müller")], publication="The Wire"),
    with_entities("5", [entity("Zoë Müller")], publication="The Herald"),
]


def search(
    store: Store, text: str, *, limit: int = 9, family: str | None = None, order: Order = "mentions"
) -> NameSearch:
    wanted = NameFilter(words=search_words(text), limit=limit, family=family, order=order)
    return store.find_names(wanted)


def texts(search: NameSearch) -> list[str]:
    return [found.entity.text for found in search.names]


@pytest.fixture
def saved(store: Store) -> Store:
    """Return each store, with posts in it."""
    store.add(POSTS)
    return store


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("arafat", ["Arafat Airport", "Yasser Arafat"]),
        ("ARA", ["Arafat Airport", "Yasser Arafat"]),
        ("y", ["Yasser Arafat", "Yasmina Khan"]),
        ("yas ara", ["Yasser Arafat"]),
        ("arafat yasser", ["Yasser Arafat"]),
        ("zoe muller", ["Zoë Müller"]),
        ("Zoë", ["Zoë Müller"]),
        ("rafat", []),
        ("arafats", []),
        ("arafat" + "x" * 30, []),
    ],
)
def test_any_word_of_a_name_finds_it(saved: Store, text: str, found: list[str]) -> None:
    answer = search(saved, text)
    assert texts(answer) == found
    assert answer.is_exact


def test_a_found_name_comes_with_its_sums_and_publications(saved: Store) -> None:
    (arafat,) = search(saved, "yasser").names
    assert (arafat.entity.mentions, arafat.entity.posts) == (6, 2)
    assert [(p.name, p.mentions, p.posts) for p in arafat.publications] == [
        ("The Wire", 4, 1),
        ("The Gazette", 2, 1),
    ]


def test_names_of_one_family_and_those_in_most_posts_first(saved: Store) -> None:
    assert texts(search(saved, "ara", family="PLACE")) == ["Arafat Airport"]
    assert texts(search(saved, "ara", order="posts")) == ["Yasser Arafat", "Arafat Airport"]
    assert texts(search(saved, "ara", limit=1)) == ["Arafat Airport"]


def test_a_name_that_no_post_mentions_any_more_is_not_found(saved: Store) -> None:
    saved.remove(POSTS[0].post_id, at=NOON + timedelta(hours=1))
    (arafat,) = search(saved, "yasser").names
    assert [p.name for p in arafat.publications] == ["The Wire"]
    saved.remove(POSTS[1].post_id, at=NOON + timedelta(hours=1))
    assert texts(search(saved, "yasser")) == []


def test_a_name_that_an_alias_gave_is_found_and_the_old_one_is_not(saved: Store) -> None:
    def rename(post: PostEntities) -> PostEntities:
        return post.model_copy(update={"entities": (entity("Muhammad Arafat"),)})

    saved.revise([POSTS[0].post_id, POSTS[1].post_id], rename)
    assert texts(search(saved, "arafat")) == ["Arafat Airport", "Muhammad Arafat"]


def test_names_that_were_counted_before_are_found_after_the_repair_command(store: Store) -> None:
    store.add(POSTS[:1])
    _forget_names(store)
    assert texts(search(store, "arafat")) == []
    assert store.index_names("The Gazette") == 2
    assert texts(search(store, "arafat")) == ["Yasser Arafat"]


def _forget_names(store: Store) -> None:
    if isinstance(store, FirestoreStore):
        for name in store._database.names.list_documents():
            name.delete()
    else:
        with connections[settings.COUNTS_DATABASE].cursor() as cursor:
            cursor.execute("DELETE FROM counts_name_word")
            cursor.execute("DELETE FROM counts_name")


def test_a_frequent_word_finds_the_most_mentioned_names(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store.sql.names.RARE_NAMES", 3)
    monkeypatch.setattr("ingest.store.sql.names.FREQUENT_NAMES", 4)
    monkeypatch.setattr("ingest.store.firestore.names.CANDIDATES", 4)
    names = [entity(f"Name {chr(97 + n)}", 1 + n * n) for n in range(12)]
    store.add([with_entities("1", names), with_entities("2", names[:5], publication="The Wire")])
    answer = search(store, "na", limit=3)
    assert texts(answer) == ["Name l", "Name k", "Name j"]
    assert (answer.considered, answer.is_exact) == (4, False)


def test_a_rare_name_of_frequent_words_is_found(
    sql: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store.sql.names.RARE_NAMES", 3)
    monkeypatch.setattr("ingest.store.sql.names.WALKED_NAMES", 5)
    names = [entity(f"{first} {n}", 9) for first in ("John", "Smith") for n in range(9)]
    sql.add([with_entities("1", [*names, entity("John Smith")])])
    assert texts(search(sql, "john smith")) == ["John Smith"]


def test_the_magnitude_of_a_name_rises_with_its_mentions(
    firestore: FirestoreStore, firestore_client: Client
) -> None:
    def magnitude() -> int:
        (name,) = firestore_client.collection("names").stream()
        size: int = name.get("magnitude")
        return size

    firestore.add([with_entities("1", [entity("Obama", 2)])])
    assert magnitude() == 2
    firestore.add([with_entities("2", [entity("Obama", 1)])])
    assert magnitude() == 2
    firestore.add([with_entities("3", [entity("Obama", 1)])])
    assert magnitude() == 3
    firestore.add([with_entities("4", [entity("Obama", 90)], publication="The Wire")])
    assert magnitude() == 7


def test_a_name_that_counts_nothing_any_more_leaves_no_trace(store: Store) -> None:
    store.add(POSTS)
    for post in POSTS[:2]:
        store.remove(post.post_id, at=NOON + timedelta(hours=1))
    for name in ("The Gazette", "The Wire"):
        store.drop_zeros(name)
    assert _known_keys(store) == {"arafat airport", "yasmina khan", "zoe muller"}
    store.add([with_entities("6", [entity("Yasser Arafat")])])
    assert texts(search(store, "yasser")) == ["Yasser Arafat"]


def _known_keys(store: Store) -> set[str]:
    if isinstance(store, FirestoreStore):
        return {name.get("key") for name in store._database.names.stream()}
    with connections[settings.COUNTS_DATABASE].cursor() as cursor:
        cursor.execute("SELECT key FROM counts_name")
        return {key for (key,) in cursor.fetchall()}
