"""The promise of a store, kept by every one; and what only the real one can break."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions as google
from google.cloud.firestore_v1 import Client, DocumentReference

from ingest.core.counts import Counts, EntityCounts
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.devstack.ports import free_ports
from ingest.store.base import (
    Cursor,
    EntityFilter,
    Publication,
    Store,
    StoreRefused,
    StoreUnavailable,
)
from ingest.store.firestore.commit import Commit
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import entity, with_entities
from tests.support.stores import is_of_names, mentions

POSTS = [
    with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")]),
    with_entities("2", [entity("OBAMA", 1), entity("obama", 3)]),
    with_entities("3", [entity("Oslo", label="GPE")], publication="Another/Paper"),
]


def test_every_store_takes_posts_and_counts_each_of_a_call_once(any_store: Store) -> None:
    assert any_store.add([*POSTS, POSTS[0]]) == 3
    assert any_store.add([]) == 0


def test_every_store_knows_nothing_it_was_not_given(any_store: Store) -> None:
    assert any_store.post("0" * 32) is None
    assert any_store.publication("Nowhere") is None
    assert any_store.publications() == []
    assert any_store.entities("Nowhere", EntityFilter(limit=10)) == []


def test_posts_add_up_by_publication(store: Store) -> None:
    store.add(POSTS)
    assert mentions(store, "the gazette") == {"obama": (6, 2), "oslo": (1, 1)}
    assert mentions(store, "ANOTHER/paper") == {"oslo": (1, 1)}
    assert [(p.name, p.posts) for p in store.publications()] == [
        ("Another/Paper", 1),
        ("The Gazette", 2),
    ]


def test_a_post_added_again_changes_nothing(store: Store) -> None:
    assert store.add(POSTS[:1]) == 1
    assert store.add(POSTS) == 2
    assert store.add(POSTS) == 0
    assert mentions(store, "The Gazette") == {"obama": (6, 2), "oslo": (1, 1)}


def test_the_days_of_a_publication_are_known(store: Store) -> None:
    day = datetime(2025, 2, 3, tzinfo=UTC)
    store.add([*POSTS, with_entities("4", published_at=day)])
    publication = store.publication("The Gazette")
    assert isinstance(publication, Publication)
    assert (publication.first_day, publication.last_day) == ("2025-02-03", "2026-05-04")


def test_posts_at_the_ends_of_the_calendar_are_kept_and_counted(store: Store) -> None:
    ends = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    posts = [with_entities(str(end), [entity("Odin")], published_at=end) for end in ends]
    store.add(posts)
    for post in posts:
        assert store.post(post.post_id) == post
    publication = store.publication("The Gazette")
    assert publication
    assert (publication.first_day, publication.last_day) == ("0001-01-01", "9999-12-31")
    found = store.posts_mentioning(entity_id("PERSON", "odin"), name=None, limit=9, after=None)
    assert [post.day.isoformat() for post in found] == ["9999-12-31", "0001-01-01"]


def test_a_post_sent_again_without_its_date_keeps_its_day(store: Store) -> None:
    day = datetime(2025, 2, 3, tzinfo=UTC)
    post = with_entities("1", [entity("Odin")], published_at=day)
    again = with_entities("1", [entity("Odin")], accepted_at=post.accepted_at + timedelta(days=1))
    for revision in (post, again, again):
        store.add([revision])
        publication = store.publication("The Gazette")
        assert publication
        assert publication.days == {"2025-02-03": 1}
    assert not store.recount("The Gazette").diff


def test_a_saved_post_comes_back_whole(store: Store) -> None:
    store.add(POSTS)
    assert store.post(POSTS[1].post_id) == POSTS[1]


def test_entities_come_page_by_page_the_most_mentioned_first(store: Store) -> None:
    names = [entity(f"Name {n}", mentions=1 + n % 3) for n in range(10)]
    store.add([with_entities("1", names)])
    pages, after = [], None
    while page := store.entities("The Gazette", EntityFilter(limit=4, after=after)):
        pages.append(page)
        after = Cursor(page[-1].mentions, page[-1].id)
    assert [len(page) for page in pages] == [4, 4, 2]
    found = [e for page in pages for e in page]
    assert [e.mentions for e in found] == sorted((e.mentions for e in found), reverse=True)
    assert {e.text for e in found} == {e.text for e in names}


@pytest.mark.parametrize("text", ["AC/DC", ".", "..", "__init__", "x" * 100, "`a.b`\\", "日本 😀"])
def test_any_text_can_be_counted(store: Store, text: str) -> None:
    store.add([with_entities("1", [entity(text)], publication=text)])
    assert [e.text for e in store.entities(text, EntityFilter(limit=2))] == [text]


def test_a_recount_of_what_was_added_finds_nothing_wrong(store: Store) -> None:
    store.add(POSTS)
    recount = store.recount("The Gazette")
    assert recount.counted.posts == 2
    assert not recount.diff


def test_a_recount_reads_pages_of_one_time_and_tells_its_progress(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store.firestore.store.RECOUNT_DOCUMENTS", 2)
    firestore.add([with_entities(str(n), [entity(f"Name {n}")]) for n in range(5)])
    told: list[int] = []

    def add_one_more(posts: int) -> None:
        told.append(posts)
        firestore.add([with_entities(f"later {posts}", [entity("Oslo", label="GPE")])])

    recount = firestore.recount("The Gazette", progress=add_one_more)
    assert told == [2, 4, 5]
    assert (recount.counted.posts, recount.stored.posts) == (5, 5)
    assert not recount.diff


def test_a_wrong_counter_is_found_and_mended(
    firestore: FirestoreStore, firestore_client: Client
) -> None:
    firestore.add(POSTS)
    publication = firestore_client.collection("publications").document(
        publication_id("The Gazette")
    )
    obama = publication.collection("entities").document(entity_id("PERSON", "obama"))
    obama.update({"mentions": 99, "days": {"2020-01-01": 3}})
    ghost = publication.collection("entities").document(entity_id("GROUP", "ghost"))
    ghost.set({"family": "GROUP", "key": "ghost", "mentions": 7, "posts": 1})
    wrong = firestore.recount("The Gazette").diff
    assert {n: (c.mentions, c.posts) for n, c in wrong.entities.items()} == {
        ("PERSON", "obama"): (-93, 0),
        ("GROUP", "ghost"): (-7, -1),
    }
    firestore.repair("The Gazette", wrong)
    assert not firestore.recount("The Gazette").diff
    assert mentions(firestore, "The Gazette") == {"obama": (6, 2), "oslo": (1, 1)}


@pytest.mark.parametrize(
    "wrong",
    [
        Counts(posts=-1),
        Counts(days=Counter({"2026-05-04": 5})),
        Counts(entities={("PERSON", "obama"): EntityCounts(mentions=-1)}),
    ],
)
def test_a_repair_is_exact_while_posts_go_on_being_added(
    firestore: FirestoreStore, wrong: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days that are right are left as they are: an empty map of them would replace them all."""
    monkeypatch.setattr("ingest.store.firestore.schema.SHARD_COUNT", 1)
    firestore.add(POSTS)
    firestore.repair("The Gazette", wrong)
    before = firestore.recount("The Gazette").diff
    assert (before.posts, before.days) == (-wrong.posts, (Counts() - wrong).days)
    assert all(not counts.days for counts in before.entities.values())
    firestore.add([with_entities("9", [entity("Obama")])])
    firestore.repair("The Gazette", before)
    assert not firestore.recount("The Gazette").diff


def test_posts_that_many_processes_add_at_once_count_once(firestore: FirestoreStore) -> None:
    posts = [with_entities(str(n), [entity("Obama")]) for n in range(20)]
    new: list[int] = []

    def add() -> None:
        new.append(sum(firestore.add(posts[start : start + 4]) for start in range(0, 20, 2)))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == 20
    assert mentions(firestore, "The Gazette") == {"obama": (20, 20)}


def test_a_commit_whose_answer_was_lost_counts_once(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Commit.send

    def lose_answer(commit: Commit, **limits: object) -> None:
        send(commit, **limits)
        if not is_of_names(commit):
            raise google.DeadlineExceeded("the answer was lost")

    firestore.add([with_entities("0")])
    with monkeypatch.context() as line:
        line.setattr(Commit, "send", lose_answer)
        with pytest.raises(StoreUnavailable):
            firestore.add(POSTS[:1])
    assert firestore.add(POSTS[:2]) == 1
    assert mentions(firestore, "The Gazette") == {"obama": (6, 2), "oslo": (1, 1)}


def test_more_posts_than_a_commit_carries_are_added_in_several(
    firestore: FirestoreStore, firestore_client: Client
) -> None:
    posts = [with_entities(str(n), [entity(f"N{n} {m}") for m in range(30)]) for n in range(60)]
    assert firestore.add(posts) == 60
    assert len(mentions(firestore, "The Gazette")) == 1000  # the limit asked for
    assert len(list(firestore_client.collection("posts").list_documents())) == 60


def test_a_post_with_more_entities_than_a_commit_should_have_is_added_whole(
    firestore: FirestoreStore,
) -> None:
    names = [entity(f"Name {n}") for n in range(900)]
    assert firestore.add([with_entities("1", names), with_entities("2", names[:1])]) == 2
    assert len(mentions(firestore, "The Gazette")) == 900


def test_a_refused_commit_is_halved_until_the_cause_is_alone(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document over 1 MiB is refused by Firestore itself."""
    monkeypatch.setattr("ingest.store.firestore.writer.MAX_COMMIT_BYTES", 10**9)
    huge = with_entities("huge", [entity("x" * 560_000)])
    small = [with_entities(str(n), [entity("Obama")]) for n in range(5)]
    with pytest.raises(StoreRefused):
        firestore.add([*small, huge])
    with pytest.raises(StoreRefused):
        firestore.add([huge])
    assert mentions(firestore, "The Gazette") == {"obama": (5, 5)}


def test_a_store_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    (nobody,) = free_ports(1)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{nobody}")
    away = FirestoreStore(
        project="demo-away",
        database="(default)",
        keep_content=True,
        commit_posts=200,
        commit_writes=500,
        commit_seconds=0,
        ramp_writes=0,
        timeout=0.5,
    )
    reads: list[Callable[[], object]] = [
        lambda: away.add(POSTS),
        lambda: away.post("1"),
        away.publications,
        lambda: away.entities("x", EntityFilter(limit=1)),
    ]
    for read in reads:
        with pytest.raises(StoreUnavailable):
            read()


def test_content_can_be_left_out(firestore: FirestoreStore) -> None:
    firestore._writer._keep_content = False
    firestore.add(POSTS[:1])
    kept = firestore.post(POSTS[0].post_id)
    assert kept == POSTS[0].model_copy(update={"content": ""})


def test_ids_of_documents_are_digests(firestore: FirestoreStore, firestore_client: Client) -> None:
    firestore.add(POSTS)
    references: list[DocumentReference] = [
        *firestore_client.collection("posts").list_documents(),
        *firestore_client.collection("publications").list_documents(),
        *(s.reference for s in firestore_client.collection_group("entities").stream()),
    ]
    assert len(references) == 3 + 2 + 3
    assert all(len(bytes.fromhex(reference.id)) == 16 for reference in references)
