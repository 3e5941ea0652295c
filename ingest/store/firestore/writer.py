"""
Writing to Firestore: one atomic commit of posts and of the changes to their counters.

A commit is based on a snapshot of each post, and carries it as a precondition: the document is
new, or no writer has changed it since the read. If another writer was faster, Firestore refuses
the whole commit. The writer then reads again and builds a new commit.
"""

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import Any, NamedTuple, Self

from google.api_core import exceptions as google
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud.firestore_v1 import SERVER_TIMESTAMP, DocumentSnapshot
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.types import CommitResponse
from structlog import get_logger

from ingest.core.chunks import chunks
from ingest.core.counts import Counts, EntityName, name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.core.name_search import magnitude
from ingest.core.posts import publication_id, publication_key
from ingest.core.revisions import (
    Change,
    PostRecord,
    differences,
    forgotten_counts,
    merge_revisions,
)
from ingest.observability import metrics, tracing
from ingest.store.base import StoreRefused, StoreUnavailable
from ingest.store.firestore import schema
from ingest.store.firestore.client import Database, unavailable_on_error
from ingest.store.firestore.commit import Commit
from ingest.store.firestore.names import NameIndex
from ingest.store.firestore.pacing import CommitDistance, RampUp

logger = get_logger()

# The emulator refuses a request of 4 MiB, production one of 10 MiB.
MAX_COMMIT_BYTES = 3_000_000

# Firestore's limit for a document in a commit; each day, form and label of a counter is one.
MAX_TRANSFORMS = 500

# After this many conflicts in a row the writer raises StoreUnavailable, so the worker waits.
MAX_CONFLICTS = 20
CONFLICT = (google.AlreadyExists, google.FailedPrecondition, google.NotFound)


@dataclass(frozen=True)
class Snapshot:
    """A post's record at its read time, and the time of the document's last write."""

    record: PostRecord = field(default_factory=PostRecord)
    since: DatetimeWithNanoseconds | None = None

    @classmethod
    def in_snapshot(cls, snapshot: DocumentSnapshot[Any]) -> Self:
        """Read the record in a document, which may not exist."""
        document = snapshot.to_dict()
        if document is None:
            return cls()
        return cls(schema.read_record(snapshot.id, document), snapshot.update_time)


@dataclass(frozen=True)
class PostWrite:
    """The change of one post, from its snapshot to its new record."""

    post_id: str
    before: Snapshot
    after: PostRecord

    @property
    def adds_a_post(self) -> bool:
        """Whether the post counts now and did not before."""
        return bool(self.after.post and not self.before.record.post)


class WrittenEntity(NamedTuple):
    """An entity's place among the writes of a commit, and the mentions that are added to it."""

    place: int
    name: EntityName
    mentions: int


class TooManyTransforms(Exception):
    """A commit would change a document at more places than Firestore accepts."""

    def __str__(self) -> str:
        return f"a document would have over {MAX_TRANSFORMS} transforms"


class FirestoreWriter:
    """Writes posts and counters of one database, always together."""

    def __init__(
        self,
        database: Database,
        names: NameIndex,
        *,
        keep_content: bool,
        commit_posts: int,
        commit_writes: int,
        commit_seconds: float,
        ramp_writes: int,
    ) -> None:
        self._database = database
        self._names = names
        self._keep_content = keep_content
        self._commit_posts = commit_posts
        self._commit_writes = commit_writes
        self._named: set[str] = set()
        self._distance = CommitDistance(commit_seconds)
        self._ramp_writes = ramp_writes

    def add(self, posts: Sequence[PostEntities]) -> int:
        """Add posts; most are new, so the first attempt reads nothing."""
        writes: list[PostWrite] = []
        for group in self._groups(merge_revisions(posts)):
            changes = {p.post_id: partial(PostRecord.with_revision, revision=p) for p in group}
            with unavailable_on_error():
                writes += self._apply(changes, dict.fromkeys(changes, Snapshot()))
        return sum(write.adds_a_post for write in writes)

    def remove(self, post_id: str, *, at: datetime) -> bool:
        """Delete a post; its document keeps only the time of the deletion."""
        return bool(self.remove_all([post_id], at=at))

    def remove_all(self, post_ids: Collection[str], *, at: datetime) -> int:
        """Delete posts, in as many commits as their size needs."""
        writes = self._apply_to(post_ids, partial(PostRecord.deleted, at=at))
        return sum(bool(w.before.record.post and not w.after.post) for w in writes)

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        """Replace posts, in as many commits as their size needs."""
        return len(self._apply_to(post_ids, partial(PostRecord.changed, change=change)))

    def forget(self, post_ids: Collection[str], *, at: datetime) -> int:
        """Forget posts, in as many commits as their size needs."""
        writes = self._apply_to(post_ids, partial(PostRecord.forgotten, at=at))
        return sum(bool(write.before.record.post) for write in writes)

    def _apply_to(self, post_ids: Collection[str], change: Change) -> list[PostWrite]:
        """Change the records of posts, saved or not, in as many commits as their size needs."""
        writes: list[PostWrite] = []
        for chunk in chunks(dict.fromkeys(post_ids), self._commit_posts):
            with unavailable_on_error():
                before = self._find(chunk)
                posts = [f.record.post for f in before.values() if f.record.post]
                groups = [{post.post_id for post in group} for group in self._groups(posts)]
                others = before.keys() - {post.post_id for post in posts}
                for ids in filter(None, (*groups, others)):
                    snapshots = {post_id: before[post_id] for post_id in ids}
                    writes += self._apply(dict.fromkeys(ids, change), snapshots)
        return writes

    def add_checkpoint(self, name: str, counts: Counts) -> None:
        """Add counts to the checkpoint and the counters."""
        pub_id = publication_id(name)
        self.name_publication(name, keep=True)
        once = {**self._database.limits, "retry": None}  # as in `repair`
        with unavailable_on_error():
            for part in counts.parts(changes=MAX_TRANSFORMS, entities=self._commit_writes // 2):
                commit = Commit(self._database)
                self._write_counts(commit, pub_id, part)
                self._write_counts(commit, pub_id, part, forgotten=True)
                self._names.create(_magnitudes([part]))
                commit.send(**once)

    def move_checkpoint(
        self, name: str, target: str | None, *, only: Collection[EntityName] | None = None
    ) -> None:
        """Move each document of the checkpoint once, in a commit that deletes it."""
        pub_id = publication_id(name)
        if target is not None:
            self.name_publication(target, keep=True)
        publication = self._database.publications.document(pub_id)
        wanted = None if only is None else {entity_id(*each) for each in only}
        with unavailable_on_error():
            entities = publication.collection(schema.FORGOTTEN_ENTITIES)
            for snapshot in entities.stream(**self._database.limits):
                if wanted is None or snapshot.id in wanted:
                    document = snapshot.to_dict() or {}
                    own = {
                        (document["family"], document["key"]): schema.read_entity_counts(document)
                    }
                    self._move(snapshot, pub_id, target, Counts(entities=own))
            shards = publication.collection(schema.FORGOTTEN_SHARDS)
            for snapshot in shards.stream(**self._database.limits) if wanted is None else ():
                counts = schema.read_counts([snapshot.to_dict() or {}], ())
                self._move(snapshot, pub_id, target, counts)

    def _move(
        self, snapshot: DocumentSnapshot[Any], pub_id: str, target: str | None, counts: Counts
    ) -> None:
        """Move the counts in one document of a checkpoint, unless another process has done so."""
        commit = Commit(self._database)
        path = snapshot.reference.path
        commit.delete(path, unchanged_since=snapshot.update_time)
        self._write_counts(commit, pub_id, -counts)
        if target is not None:
            self._write_counts(commit, publication_id(target), counts)
            self._write_counts(commit, publication_id(target), counts, forgotten=True)
            self._names.create(_magnitudes([counts]))
        with suppress(*CONFLICT):
            commit.send(**self._database.limits)

    def drop_zeros(self, name: str) -> int:
        """Delete the documents of entities that count nothing any more."""
        pub_id = publication_id(name)
        empty = self._database.entities(pub_id).where(filter=FieldFilter("mentions", "==", 0))
        dropped = 0
        with unavailable_on_error():
            for snapshot in empty.stream(**self._database.limits):
                if snapshot.get("posts") == 0:
                    commit = Commit(self._database)
                    commit.delete(snapshot.reference.path, unchanged_since=snapshot.update_time)
                    with suppress(*CONFLICT):  # it counts again
                        commit.send(**self._database.limits)
                        self._names.drop(snapshot.id)
                        dropped += 1
        return dropped

    def name_publication(self, name: str, *, keep: bool = False) -> None:
        """Write the name of a publication; `keep` leaves the name of a known one."""
        own = {"key": publication_key(name), "name": name}
        document = self._database.publications.document(publication_id(name))
        with unavailable_on_error():
            if not keep:
                document.set(own, **self._database.limits)
                return
            with suppress(google.AlreadyExists):
                document.create(own, **self._database.limits)

    def repair(self, name: str, diff: Counts) -> None:
        """Add the difference that a recount found to the counters."""
        pub_id = publication_id(name)
        # These increments have no precondition, so a commit without an answer must not be retried.
        once = {**self._database.limits, "retry": None}
        with unavailable_on_error():
            for part in diff.parts(changes=MAX_TRANSFORMS, entities=self._commit_writes):
                commit = Commit(self._database)
                self._names.create(_magnitudes([part]))
                self._write_counts(commit, pub_id, part)
                self._distance.wait(pub_id)
                self._ramp.wait(len(commit))
                commit.send(**once)
                self._distance.note_commit(pub_id)

    def _groups(self, posts: Iterable[PostEntities]) -> Iterator[list[PostEntities]]:
        """Cut posts, sorted by publication, into groups that one commit can carry."""
        group: list[PostEntities] = []
        names: set[EntityName] = set()
        size = 0
        for post in posts:
            own = _names(post)
            own_size = _bytes(post)
            full = (
                len(group) >= self._commit_posts
                or len(group) + 1 + len(names | own) > self._commit_writes
                or size + own_size > MAX_COMMIT_BYTES
            )
            if group and (full or not _same_publication(group[0], post)):
                yield group
                group, names, size = [], set(), 0
            group.append(post)
            names |= own
            size += own_size
        if group:
            yield group

    def _apply(
        self, changes: Mapping[str, Change], before: Mapping[str, Snapshot]
    ) -> list[PostWrite]:
        """Change the records of posts in one commit, and return its writes."""
        for _ in range(MAX_CONFLICTS):
            writes = _writes(changes, before)
            if not writes:
                return []
            own = _publication(writes)
            self._distance.wait(own)
            try:
                grown = self._commit(writes)
            except CONFLICT:
                before = self._find(changes)
            except google.Aborted:
                self._distance.note_contention(own)
            except (google.InvalidArgument, TooManyTransforms) as refusal:
                return self._apply_halves(changes, before, refusal)
            else:
                self._distance.note_commit(own)
                self._names.write(grown)
                return writes
        raise StoreUnavailable(
            f"other writers were faster at the same documents, {MAX_CONFLICTS} times in a row"
        )

    def _apply_halves(
        self,
        changes: Mapping[str, Change],
        before: Mapping[str, Snapshot],
        refusal: Exception,
    ) -> list[PostWrite]:
        """Split a refused commit between posts, until the refused post is alone."""
        if len(changes) == 1:
            raise StoreRefused(str(refusal)) from refusal
        halves = chunks(changes, (len(changes) + 1) // 2)
        return [s for half in halves for s in self._apply({i: changes[i] for i in half}, before)]

    def _find(self, post_ids: Iterable[str]) -> dict[str, Snapshot]:
        """Read the snapshots of posts."""
        references = [self._database.posts.document(post_id) for post_id in post_ids]
        snapshots = self._database.client.get_all(references, **self._database.limits)
        return {snapshot.id: Snapshot.in_snapshot(snapshot) for snapshot in snapshots}

    def _commit(self, writes: Sequence[PostWrite]) -> dict[EntityName, int]:
        """
        Write posts and the changes to their counters in one atomic commit.

        Return the magnitudes of names that grew to higher ones.
        """
        commit = Commit(self._database)
        for write in writes:
            self._write_post(commit, write)
        posts = [write.after.post for write in writes if write.after.post]
        for post in posts:
            self._name_publication(post)
        records = [(write.before.record, write.after) for write in writes]
        changes = differences(records)
        written = [w for own in changes.items() for w in self._write_counts(commit, *own)]
        for pub_id, counts in forgotten_counts(records).items():
            self._write_counts(commit, pub_id, counts, forgotten=True)
        new = self._names.create(_magnitudes(changes.values()))
        documents, unmerged = len(commit), sum(2 + len(_names(post)) for post in posts)
        self._ramp.wait(documents + len(new))
        with tracing.span("commit", posts=len(writes), writes=documents), _counted(documents):
            answer = commit.send(**self._database.limits)
        logger.info("commit", posts=len(writes), writes=documents, unmerged=unmerged)
        return _grown([each for each in written if each.name not in new], answer)

    @cached_property
    def _ramp(self) -> RampUp:
        """Return the limit for a new database, which counts from its first write."""
        if not self._ramp_writes:
            return RampUp(0, started_at=0)
        ramp, limits = self._database.ramp, self._database.limits
        with suppress(google.AlreadyExists):  # another process was first
            ramp.create({"started_at": SERVER_TIMESTAMP}, **limits)
        started_at: datetime = ramp.get(**limits).get("started_at")
        return RampUp(self._ramp_writes, started_at.timestamp())

    def _write_post(self, commit: Commit, write: PostWrite) -> None:
        path = f"{schema.POSTS}/{write.post_id}"
        document = schema.record_document(write.after, keep_content=self._keep_content)
        timestamps = (schema.SAVED_AT,) if write.after.post else ()
        if write.before.since is None:
            commit.create(path, document, timestamps=timestamps)
        else:
            unchanged_since = write.before.since
            commit.replace(path, document, unchanged_since=unchanged_since, timestamps=timestamps)

    def _write_counts(
        self, commit: Commit, pub_id: str, counts: Counts, *, forgotten: bool = False
    ) -> list["WrittenEntity"]:
        """Add counts to a commit; return the place of each entity among its writes."""
        shards, entities = schema.SHARDS, schema.ENTITIES
        if forgotten:
            shards, entities = schema.FORGOTTEN_SHARDS, schema.FORGOTTEN_ENTITIES
        if counts.most_changes() > MAX_TRANSFORMS:
            raise TooManyTransforms
        publication = f"{schema.PUBLICATIONS}/{pub_id}"
        if counts:  # a shard's `changes` shows a change even if its own sums stay
            shard = f"{publication}/{shards}/{random.randrange(schema.SHARD_COUNT)}"
            commit.add(shard, *schema.shard_additions(counts))
        written = []
        for name, entity in counts.entities.items():
            path = f"{publication}/{entities}/{entity_id(*name)}"
            written.append(WrittenEntity(len(commit), name, entity.mentions))
            commit.add(path, *schema.entity_additions(name, entity))
        return written

    def _name_publication(self, post: PostEntities) -> None:
        """Write a publication's name once per process, to spare a busy publication's document."""
        pub_id = publication_id(post.publication)
        if pub_id in self._named:
            return
        naming = Commit(self._database)
        own = {"key": publication_key(post.publication), "name": post.publication}
        naming.create(f"{schema.PUBLICATIONS}/{pub_id}", own)
        with suppress(google.AlreadyExists):  # the first spelling of the name stays
            naming.send(**self._database.limits)
        self._named.add(pub_id)


@contextmanager
def _counted(documents: int) -> Iterator[None]:
    """Count a commit by its outcome: done, conflict, contention or failed."""
    started = time.perf_counter()
    try:
        yield
    except google.GoogleAPIError as error:
        metrics.COMMITS.labels(_outcome(error)).inc()
        raise
    metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
    metrics.COMMITS.labels("done").inc()
    metrics.WRITES.inc(documents)


def _outcome(error: google.GoogleAPIError) -> str:
    if isinstance(error, google.Aborted):
        return "contention"
    return "conflict" if isinstance(error, CONFLICT) else "failed"


def _magnitudes(changes: Iterable[Counts]) -> dict[EntityName, int]:
    """Return the names that gain mentions, each with the magnitude of what it gains."""
    return {
        name: magnitude(entity.mentions)
        for counts in changes
        for name, entity in counts.entities.items()
        if entity.mentions > 0
    }


def _grown(written: Iterable[WrittenEntity], answer: CommitResponse) -> dict[EntityName, int]:
    """Return the names whose mentions have grown to a higher magnitude."""
    grown: dict[EntityName, int] = {}
    for place, name, added in written:
        # The first transform of an entity adds to its mentions.
        mentions = answer.write_results[place].transform_results[0].integer_value
        size = magnitude(mentions)
        if size > magnitude(mentions - added):
            grown[name] = max(size, grown.get(name, 0))
    return grown


def _publication(writes: Sequence[PostWrite]) -> str:
    """Return the publication that a commit is about."""
    posts = (write.after.post or write.before.record.post for write in writes)
    return next((publication_id(post.publication) for post in posts if post), "")


def _writes(changes: Mapping[str, Change], before: Mapping[str, Snapshot]) -> list[PostWrite]:
    """Return the writes of the records that change."""
    writes = [
        PostWrite(id_, before[id_], change(before[id_].record)) for id_, change in changes.items()
    ]
    return [write for write in writes if write.after != write.before.record]


def _same_publication(post: PostEntities, other: PostEntities) -> bool:
    return publication_key(post.publication) == publication_key(other.publication)


def _names(post: PostEntities) -> set[EntityName]:
    """Return the entities of a post; a commit writes one document for each."""
    return set(map(name_of, post.entities))


def _bytes(post: PostEntities) -> int:
    """Estimate the bytes of a post's documents; its text compresses, its names do not."""
    return len(post.content) + sum(400 + 12 * len(entity.text) for entity in post.entities)
