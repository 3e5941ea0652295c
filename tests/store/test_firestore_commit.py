"""A commit of our own messages writes what Google's WriteBatch writes, in as many bytes."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions as google
from google.cloud.firestore_v1 import SERVER_TIMESTAMP, Client, Increment, Maximum, WriteBatch
from google.cloud.firestore_v1.types import CommitRequest

from ingest.core.counts import EntityCounts, count_post
from ingest.core.revisions import PostRecord
from ingest.store.firestore import schema
from ingest.store.firestore.commit import Commit
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import NOON, entity, with_entities

ODD_NAMES = [
    "AC/DC",
    "a.b",
    "`tick`",
    "back\\slash",
    "日本 😀",
    "",
    "_x9",
    "9x",
    "__x__",
    "x" * 100,
]
POST = with_entities("1", [entity(name or "-", n + 1) for n, name in enumerate(ODD_NAMES)])


def document() -> dict[str, Any]:
    return schema.record_document(PostRecord(POST, NOON), keep_content=True)


def increments(counts: EntityCounts) -> dict[str, Any]:
    """Return the fields of an entity as Google's library takes them."""
    added = schema.entity_additions(("PERSON", "obama"), counts)
    return {
        **added.fields,
        **{field: Increment(number) for field, number in added.sums.items()},
        **{
            field: {name: Increment(number) for name, number in tally.items()}
            for field, tally in added.tallies.items()
            if tally
        },
    }


@pytest.fixture
def commit(firestore: FirestoreStore) -> Commit:
    """Return a commit to an empty database."""
    return Commit(firestore._database)


@pytest.fixture
def batch(firestore_client: Client) -> WriteBatch:
    """Return a batch of Google's library, to the same database."""
    return firestore_client.batch()


def stored(client: Client, path: str) -> dict[str, Any]:
    found: dict[str, Any] = client.document(path).get().to_dict() or {}
    found.pop("saved_at", None)
    return found


def sizes(commit: Commit, batch: WriteBatch) -> Iterator[int]:
    """Return the bytes of both requests; the names of the documents are as long."""
    request = CommitRequest(database=commit._database.name, writes=batch._write_pbs)
    yield len(commit._request.SerializeToString())
    yield len(CommitRequest.serialize(request))


def test_a_new_post_is_the_same_document(
    commit: Commit, batch: WriteBatch, firestore_client: Client
) -> None:
    commit.create("posts/a", document(), timestamps=["saved_at"])
    batch.create(firestore_client.document("posts/b"), {**document(), "saved_at": SERVER_TIMESTAMP})
    ours, theirs = sizes(commit, batch)
    assert ours == theirs
    commit.send()
    batch.commit()
    assert stored(firestore_client, "posts/a") == stored(firestore_client, "posts/b") != {}
    assert firestore_client.document("posts/a").get().get("saved_at")


def test_a_document_is_created_once(firestore: FirestoreStore, commit: Commit) -> None:
    commit.create("posts/a", {"n": 1})
    commit.send()
    with pytest.raises(google.AlreadyExists):
        commit.send()


def test_an_edit_replaces_the_whole_document_if_nobody_was_faster(
    firestore: FirestoreStore, commit: Commit, firestore_client: Client
) -> None:
    reference = firestore_client.document("posts/a")
    reference.set({"old": 1, "entities": [{"key": "x"}]})
    since = reference.get().update_time
    commit.replace("posts/a", {"deleted_at": NOON}, unchanged_since=since)
    commit.send()
    assert stored(firestore_client, "posts/a") == {"deleted_at": NOON}
    late = Commit(firestore._database)
    late.replace("posts/a", {"n": 2}, unchanged_since=since)
    with pytest.raises(google.FailedPrecondition):
        late.send()
    assert stored(firestore_client, "posts/a") == {"deleted_at": NOON}


@pytest.mark.parametrize("times", [1, 2])
def test_counters_add_up_to_the_same_document(
    firestore: FirestoreStore, firestore_client: Client, times: int
) -> None:
    days = Counter({(NOON + timedelta(days=n)).date().isoformat(): n + 1 for n in range(3)})
    odd = Counter({name: n + 1 for n, name in enumerate(filter(None, ODD_NAMES))})
    counts = EntityCounts(7, -2, days, odd, Counter({"WORK_OF_ART": 3}), Counter())
    for _ in range(times):
        commit, batch = Commit(firestore._database), firestore_client.batch()
        commit.add("entities/a", *schema.entity_additions(("PERSON", "obama"), counts))
        batch.set(firestore_client.document("entities/b"), increments(counts), merge=True)
        ours, theirs = sizes(commit, batch)
        assert ours == theirs
        commit.send()
        batch.commit()
    assert stored(firestore_client, "entities/a") == stored(firestore_client, "entities/b") != {}
    saved = schema.read_entity_counts(stored(firestore_client, "entities/a"))
    assert saved.forms == Counter({name: times * n for name, n in odd.items()})


@pytest.mark.parametrize("magnitudes", [[3], [3, 5], [5, 3]])
def test_a_name_is_the_same_document(
    firestore: FirestoreStore, firestore_client: Client, magnitudes: list[int]
) -> None:
    name = schema.name_document(("PERSON", "angela merkel"))
    for magnitude in magnitudes:
        commit, batch = Commit(firestore._database), firestore_client.batch()
        commit.raise_to("names/a", name, {"magnitude": magnitude})
        document = {**name, "magnitude": Maximum(magnitude)}
        batch.set(firestore_client.document("names/b"), document, merge=True)
        ours, theirs = sizes(commit, batch)
        assert ours == theirs
        commit.send()
        batch.commit()
    saved = stored(firestore_client, "names/a")
    assert saved == stored(firestore_client, "names/b") == {**name, "magnitude": max(magnitudes)}


def test_a_shard_changes_even_if_its_sums_stay(
    firestore: FirestoreStore, firestore_client: Client
) -> None:
    for counts in (count_post(POST), -count_post(POST)):
        commit = Commit(firestore._database)
        commit.add("shards/0", *schema.shard_additions(counts))
        commit.send()
    saved = stored(firestore_client, "shards/0")
    assert saved == {"posts": 0, "changes": 2, "days": {"2026-05-04": 0}}
