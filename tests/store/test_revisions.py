"""Edits, deletions and revisions: the counts follow them, whatever comes when and how often."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from google.api_core import exceptions as google

from ingest.core.counts import count_posts
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.core.revisions import PostRecord
from ingest.store.base import Store, StoreUnavailable
from ingest.store.firestore.commit import Commit
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import NOON, entity, with_entities
from tests.support.stores import firestore_of, is_of_names, mentions

POSTS = [
    with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")]),
    with_entities("2", [entity("OBAMA", 1), entity("obama", 3)]),
    with_entities("3", [entity("Oslo", label="GPE")], publication="Another/Paper"),
]

Event = (
    PostEntities | tuple[str, datetime]
)  # a revision that arrives, or a post to delete at a time


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def history(seed: int) -> list[Event]:
    """Return revisions and deletions of a few posts, each twice, in an order of chance."""
    chance = random.Random(seed)
    names = [entity(f"Name {n}", mentions=1 + n) for n in range(6)]
    events: list[Event] = []
    for minute in range(40):
        id_ = str(chance.randrange(6))
        if chance.random() < 0.2:
            events.append((with_entities(id_).post_id, at(minute)))
        else:
            some = chance.sample(names, chance.randrange(5))
            day = chance.choice([None, at(-5000), at(minute)])
            post = with_entities(id_, some, accepted_at=at(minute), published_at=day)
            events.append(post)
    events += events
    chance.shuffle(events)
    return events


def replay(store: Store, events: Sequence[Event]) -> None:
    """Let events arrive: revisions that follow each other in one call, as a worker gathers them."""
    for posts, group in groupby(events, key=lambda event: isinstance(event, PostEntities)):
        if posts:
            store.add([event for event in group if isinstance(event, PostEntities)])
        else:
            for post_id, when in (event for event in group if isinstance(event, tuple)):
                store.remove(post_id, at=when)


def outcome(events: Sequence[Event]) -> dict[str, PostEntities]:
    """Return which revision of each post must be counted in the end."""
    deletions = [event for event in events if not isinstance(event, PostEntities)]
    last: dict[str, PostEntities] = {}
    for post in (event for event in events if isinstance(event, PostEntities)):
        gone = [when for id_, when in deletions if id_ == post.post_id]
        other = last.get(post.post_id, post)
        if post.accepted_at > max(gone, default=at(-1)) and post.accepted_at >= other.accepted_at:
            last[post.post_id] = post
    return last


def same_outcome(store: Store, events: Sequence[Event]) -> bool:
    """Compare what a store keeps with what must be kept, and its counters with its posts."""
    expected = outcome(events)
    kept = {post.post_id: post for post in store.posts("The Gazette", limit=100)}
    counts = count_posts(expected.values())
    return (
        not store.recount("The Gazette").diff
        and {i: p.entities for i, p in kept.items()} == {i: p.entities for i, p in expected.items()}
        and mentions(store, "The Gazette")
        == {key: (e.mentions, e.posts) for (_, key), e in counts.entities.items()}
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counts_follow_the_last_revision_whatever_order_they_arrive_in(
    store: Store, seed: int
) -> None:
    events = history(seed)
    replay(store, events)
    assert same_outcome(store, events)


def test_counts_are_exact_when_many_change_the_same_posts_at_once(
    firestore: FirestoreStore,
) -> None:
    events = history(4)

    def work(seed: int) -> None:
        own = list(events)
        random.Random(seed).shuffle(own)
        replay(firestore_of(firestore._client.project), own)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert same_outcome(firestore, events)


def test_an_edit_replaces_what_a_post_counts_for(store: Store) -> None:
    store.add(POSTS)
    edit = with_entities("1", [entity("Obama"), entity("Bonn", label="GPE")], accepted_at=at(1))
    assert store.add([edit]) == 0
    assert mentions(store, "The Gazette") == {"obama": (5, 2), "bonn": (1, 1)}
    assert store.add(POSTS) == 0
    assert mentions(store, "The Gazette") == {"obama": (5, 2), "bonn": (1, 1)}
    assert store.post(edit.post_id) == edit.model_copy(update={"first_accepted_at": NOON})


def test_the_last_revision_in_one_call_is_the_one_that_counts(store: Store) -> None:
    edits = [with_entities("1", [entity(f"N{n}")], accepted_at=at(n)) for n in range(3)]
    assert store.add([edits[2], edits[0], edits[1]]) == 1
    assert mentions(store, "The Gazette") == {"n2": (1, 1)}


def test_a_removed_post_counts_for_nothing(store: Store) -> None:
    store.add(POSTS)
    assert store.remove(POSTS[0].post_id, at=at(1))
    assert not store.remove(POSTS[0].post_id, at=at(2))
    assert mentions(store, "The Gazette") == {"obama": (4, 1)}
    assert store.get_record(POSTS[0].post_id) == PostRecord(None, at(2))
    assert store.post(POSTS[0].post_id) is None
    publication = store.publication("The Gazette")
    assert publication is not None
    assert publication.posts == 1
    assert not store.recount("The Gazette").diff


def test_a_publication_whose_posts_are_all_removed_has_no_days(store: Store) -> None:
    store.add(POSTS[2:])
    store.remove(POSTS[2].post_id, at=at(1))
    publication = store.publication(POSTS[2].publication)
    assert publication is not None
    assert (publication.posts, publication.first_day, publication.last_day) == (0, None, None)
    assert store.publications() == []


def test_a_post_that_is_removed_before_it_arrives_is_not_counted(store: Store) -> None:
    assert not store.remove(POSTS[0].post_id, at=at(1))
    assert store.add(POSTS[:1]) == 0
    assert store.posts("The Gazette", limit=10) == []
    again = with_entities("1", [entity("Bonn")], accepted_at=at(2))
    assert store.add([again]) == 1
    assert store.post(again.post_id) == again


def test_saved_posts_can_be_revised_with_their_counts(store: Store) -> None:
    def rename(post: PostEntities) -> PostEntities:
        renamed = (e._replace(key="barack obama") if e.key == "obama" else e for e in post.entities)
        return post.model_copy(update={"entities": tuple(renamed)})

    store.add(POSTS)
    ids = [post.post_id for post in POSTS]
    assert store.revise([*ids, "0" * 32], rename) == 2
    assert store.revise(ids, rename) == 0
    assert mentions(store, "The Gazette") == {"barack obama": (6, 2), "oslo": (1, 1)}
    assert store.add(POSTS) == 0
    assert not store.recount("The Gazette").diff
    kept = store.post(POSTS[0].post_id)
    assert kept is not None
    assert kept.content == POSTS[0].content


def test_saved_posts_come_page_by_page(store: Store) -> None:
    store.add([with_entities(str(n)) for n in range(7)] + POSTS[2:])
    pages, after = [], None
    while page := store.posts("the gazette", limit=3, after=after):
        pages.append([post.post_id for post in page])
        after = page[-1].post_id
    assert [len(page) for page in pages] == [3, 3, 1]
    found = [post_id for page in pages for post_id in page]
    assert found == sorted({with_entities(str(n)).post_id for n in range(7)})


def test_a_commit_that_is_sent_twice_counts_once(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's client repeats a commit whose answer is lost: its own write is in its way then."""
    send, refused = Commit.send, []

    def twice(commit: Commit, **limits: Any) -> None:
        send(commit, **limits)
        if is_of_names(commit):
            return
        with pytest.raises((google.FailedPrecondition, google.AlreadyExists)) as refusal:
            send(commit, **limits)
        refused.append(refusal.type)
        raise refusal.value

    edit = with_entities("1", [entity("Obama")], accepted_at=at(1))
    with monkeypatch.context() as line:
        line.setattr(Commit, "send", twice)
        firestore.add(POSTS[:2])
        firestore.add([edit])
        firestore.remove(POSTS[1].post_id, at=at(1))
    created, written = [google.AlreadyExists] * 2, [google.FailedPrecondition] * 2
    assert refused == [*created, *written]  # the publication's name, two posts, an edit, a deletion
    assert mentions(firestore, "The Gazette") == {"obama": (1, 1)}
    assert not firestore.recount("The Gazette").diff


def test_who_loses_every_race_finds_the_store_unavailable(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Commit.send

    def lose(commit: Commit, **limits: object) -> None:
        if not is_of_names(commit):
            raise google.FailedPrecondition("another was faster")
        send(commit, **limits)

    monkeypatch.setattr(Commit, "send", lose)
    firestore._writer._named.add(publication_id("The Gazette"))
    with pytest.raises(StoreUnavailable):
        firestore.add(POSTS[:1])
