"""
Counts in Cloud Firestore: the whole promise of a store.

writer.py knows how each post counts once, reader.py which queries answer a reader.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from google.cloud.firestore_v1 import (
    CollectionReference,
    DocumentReference,
    DocumentSnapshot,
    Query,
)
from google.cloud.firestore_v1.base_query import FieldFilter

from ingest.core.chunks import chunks
from ingest.core.counts import Counts, EntityName, count_posts
from ingest.core.messages import PostEntities
from ingest.core.name_search import magnitude
from ingest.core.posts import publication_id, publication_key
from ingest.core.revisions import PostRecord
from ingest.store.base import Progress, Recount, no_progress, tell_progress
from ingest.store.firestore import schema
from ingest.store.firestore.client import Database, unavailable_on_error
from ingest.store.firestore.reader import FirestoreReader
from ingest.store.firestore.writer import CONFLICT, FirestoreWriter

# Documents of one call of a recount. A call of a thousand posts takes about a second.
RECOUNT_DOCUMENTS = 1000

# Posts of one commit that gives them their days; their texts are read.
INDEXED_POSTS = 100

CHECKPOINT = (schema.FORGOTTEN_SHARDS, schema.FORGOTTEN_ENTITIES)

Documents = Query | CollectionReference


class FirestoreStore(FirestoreReader):
    """
    The store that production uses.

    Args:
        project: the Google Cloud project; credentials are the machine's own.
        database: the Firestore database in it.
        keep_content: whether a post's text is kept beside its entities.
        commit_posts: how many posts of a publication go into one commit at the most.
        commit_writes: how many documents a commit writes; one post may need more.
        commit_seconds: the least distance of a publication's commits by this process.
        ramp_writes: the writes a second of this process on a new database; 0 sets no limit.
        timeout: seconds for one call, after which the store counts as unavailable.
    """

    def __init__(
        self,
        *,
        project: str,
        database: str,
        keep_content: bool,
        commit_posts: int,
        commit_writes: int,
        commit_seconds: float,
        ramp_writes: int,
        timeout: float,
    ) -> None:
        super().__init__(Database(project=project, database=database, timeout=timeout))
        self._client = self._database.client
        self._writer = FirestoreWriter(
            self._database,
            self._names,
            keep_content=keep_content,
            commit_posts=commit_posts,
            commit_writes=commit_writes,
            commit_seconds=commit_seconds,
            ramp_writes=ramp_writes,
        )

    def add(self, posts: Sequence[PostEntities]) -> int:
        return self._writer.add(posts)

    def remove(self, post_id: str, *, at: datetime) -> bool:
        return self._writer.remove(post_id, at=at)

    def remove_all(self, post_ids: Collection[str], *, at: datetime) -> int:
        return self._writer.remove_all(post_ids, at=at)

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        return self._writer.revise(post_ids, change)

    def forget(self, post_ids: Collection[str], *, at: datetime) -> int:
        return self._writer.forget(post_ids, at=at)

    def add_checkpoint(self, name: str, counts: Counts) -> None:
        self._writer.add_checkpoint(name, counts)

    def move_checkpoint(
        self, name: str, target: str | None, *, only: Collection[EntityName] | None = None
    ) -> None:
        self._writer.move_checkpoint(name, target, only=only)

    def drop_zeros(self, name: str) -> int:
        return self._writer.drop_zeros(name)

    def name_publication(self, name: str) -> None:
        self._writer.name_publication(name)

    def repair(self, name: str, diff: Counts) -> None:
        self._writer.repair(name, diff)

    def prepare_windows(self, pub_id: str, *, limit: int) -> int:
        return 0  # a list within days reads the names with most mentions

    def index_names(self, name: str) -> int:
        entities = self._database.entities(publication_id(name))
        counts = entities.select(["family", "key", "mentions"])
        indexed = 0
        with unavailable_on_error():
            for page in _pages(counts, self._limits):
                counted = {(e.get("family"), e.get("key")): e.get("mentions") for e in page}
                found = {n: magnitude(total) for n, total in counted.items() if total > 0}
                self._names.write(found)
                indexed += len(found)
        return indexed

    def index_posts(self, name: str) -> int:
        fields = self._posts_of(name).select([schema.ACCEPTED_DAY])
        indexed = 0
        with unavailable_on_error():
            for page in _pages(fields, self._limits):
                bare = [p.reference for p in page if schema.ACCEPTED_DAY not in (p.to_dict() or {})]
                indexed += sum(self._write_days(chunk) for chunk in chunks(bare, INDEXED_POSTS))
        return indexed

    def _write_days(self, posts: Sequence[DocumentReference]) -> int:
        """Give posts the days of their acceptance, and return how many had none."""
        batch = self._client.batch()
        for snapshot in self._client.get_all(list(posts), **self._limits):
            post = schema.read_record(snapshot.id, snapshot.to_dict()).post
            if post and schema.ACCEPTED_DAY not in (snapshot.to_dict() or {}):
                days = schema.day_fields(post.accepted_day, has_text=bool(post.content))
                unchanged = self._client.write_option(last_update_time=snapshot.update_time)
                batch.update(snapshot.reference, days, option=unchanged)
        number = len(batch)
        try:
            if number:
                batch.commit(**self._limits)
        except CONFLICT:  # another writer has changed one of them
            if len(posts) == 1:
                return self._write_days(posts)
            return sum(self._write_days(half) for half in chunks(posts, (len(posts) + 1) // 2))
        return number

    def get_record(self, post_id: str) -> PostRecord:
        with unavailable_on_error():
            snapshot = self._database.posts.document(post_id).get(**self._limits)
        return schema.read_record(post_id, snapshot.to_dict())

    def post(self, post_id: str) -> PostEntities | None:
        return self.get_record(post_id).post

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        page = _page(self._posts_of(name), limit, self._reference(after))
        with unavailable_on_error():
            found = page.stream(**self._limits)
            return [schema.read_post(post.id, post.to_dict() or {}) for post in found]

    def records(self, *, limit: int, after: str | None = None) -> dict[str, PostRecord]:
        page = _page(self._database.posts, limit, self._reference(after))
        with unavailable_on_error():
            found = page.stream(**self._limits)
            return {post.id: schema.read_record(post.id, post.to_dict()) for post in found}

    def recount(self, name: str, *, progress: Progress = no_progress) -> Recount:
        publication = self._database.publications.document(publication_id(name))
        with unavailable_on_error():
            # Every read below has the same read time. So posts that are added meanwhile are in
            # both sides or in neither.
            at = {"read_time": publication.get(**self._limits).read_time, **self._limits}
            fields = [f for f in PostEntities.model_fields if f not in ("post_id", "content")]
            pages = _pages(self._posts_of(name).select(fields), at)
            posts = ([schema.read_post(p.id, p.to_dict() or {}) for p in page] for page in pages)
            counted = count_posts(tell_progress(posts, progress))
            stored = self._read_counts(publication, schema.SHARDS, schema.ENTITIES, at)
            forgotten = self._read_counts(publication, *CHECKPOINT, at)
        return Recount(stored, counted + forgotten)

    def checkpoint(self, name: str) -> Counts:
        publication = self._database.publications.document(publication_id(name))
        with unavailable_on_error():
            return self._read_counts(publication, *CHECKPOINT, self._limits)

    def _read_counts(
        self, publication: DocumentReference, shards: str, entities: str, at: dict[str, Any]
    ) -> Counts:
        """Return the sums in two collections of a publication."""
        pages = chain.from_iterable(_pages(publication.collection(entities), at))
        return schema.read_counts(
            (shard.to_dict() or {} for shard in publication.collection(shards).stream(**at)),
            (entity.to_dict() or {} for entity in pages),
        )

    def posts_before(self, day: str, *, limit: int, with_text: bool = False) -> list[str]:
        field = schema.TEXT_DAY if with_text else schema.ACCEPTED_DAY
        query = self._database.posts.where(filter=FieldFilter(field, "<", day)).order_by(field)
        with unavailable_on_error():
            return [post.id for post in query.limit(limit).select([]).stream(**self._limits)]

    def _posts_of(self, name: str) -> Query:
        own = FieldFilter("publication_key", "==", publication_key(name))
        return self._database.posts.where(filter=own)

    def _reference(self, post_id: str | None) -> DocumentReference | None:
        return self._database.posts.document(post_id) if post_id else None


def _pages(query: Documents, at: dict[str, Any]) -> Iterator[list[DocumentSnapshot[Any]]]:
    """Read documents by id in pages, since one call for all of them would not end in time."""
    after = None
    while page := list(_page(query, RECOUNT_DOCUMENTS, after).stream(**at)):
        yield page
        after = page[-1].reference


def _page(query: Documents, limit: int, after: DocumentReference | None) -> Query:
    """Return the query for the documents by id, those after one of them."""
    page: Query = query.order_by("__name__").limit(limit)
    return page.start_after({"__name__": after}) if after else page
