"""
Counts in Cloud Firestore: the whole promise of a store.

writer.py knows how each post counts once, reader.py which queries answer a reader.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from google.cloud.firestore_v1.base_query import FieldFilter

from ingest.core.counts import Counts, count_posts
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id, publication_key
from ingest.core.revisions import PostRecord
from ingest.store.base import Recount
from ingest.store.firestore import schema
from ingest.store.firestore.client import Database, unavailable_on_error
from ingest.store.firestore.reader import FirestoreReader
from ingest.store.firestore.writer import FirestoreWriter


class FirestoreStore(FirestoreReader):
    """
    The store that production uses.

    Args:
        project: the Google Cloud project; credentials are the machine's own.
        database: the Firestore database in it.
        keep_content: whether a post's text is kept beside its entities.
        commit_posts: how many posts of a publication go into one commit at the most.
        commit_writes: how many documents a commit writes; one post may need more.
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
        timeout: float,
    ) -> None:
        super().__init__(Database(project=project, database=database, timeout=timeout))
        self._client = self._database.client
        self._writer = FirestoreWriter(
            self._database,
            keep_content=keep_content,
            commit_posts=commit_posts,
            commit_writes=commit_writes,
        )

    def add(self, posts: Sequence[PostEntities]) -> int:
        return self._writer.add(posts)

    def remove(self, post_id: str, *, at: datetime) -> bool:
        return self._writer.remove(post_id, at=at)

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        return self._writer.revise(post_ids, change)

    def repair(self, name: str, diff: Counts) -> None:
        self._writer.repair(name, diff)

    def get_record(self, post_id: str) -> PostRecord:
        with unavailable_on_error():
            snapshot = self._database.posts.document(post_id).get(**self._limits)
        return schema.read_record(post_id, snapshot.to_dict())

    def post(self, post_id: str) -> PostEntities | None:
        return self.get_record(post_id).post

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        posts = self._database.posts
        own = FieldFilter("publication_key", "==", publication_key(name))
        query = posts.where(filter=own).order_by("__name__")
        if after:
            query = query.start_after({"__name__": posts.document(after)})
        with unavailable_on_error():
            found = query.limit(limit).stream(**self._limits)
            return [schema.read_post(post.id, post.to_dict() or {}) for post in found]

    def recount(self, name: str) -> Recount:
        publication = self._database.publications.document(publication_id(name))
        with unavailable_on_error():
            # Every read below has the same read time. So posts that are added meanwhile are in
            # both sides or in neither.
            at = {"read_time": publication.get(**self._limits).read_time, **self._limits}
            own = FieldFilter("publication_key", "==", publication_key(name))
            fields = [f for f in PostEntities.model_fields if f not in ("post_id", "content")]
            posts = self._database.posts.where(filter=own).select(fields).stream(**at)
            counted = count_posts(schema.read_post(post.id, post.to_dict() or {}) for post in posts)
            shards = publication.collection(schema.SHARDS).stream(**at)
            entities = publication.collection(schema.ENTITIES).stream(**at)
            stored = schema.read_counts(
                (shard.to_dict() for shard in shards), (entity.to_dict() for entity in entities)
            )
        return Recount(stored, counted)
