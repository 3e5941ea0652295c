"""
Counts in Cloud Firestore: all that a store promises.

writing.py has how each post counts once, reading.py what people look at.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from google.cloud.firestore_v1.base_query import FieldFilter

from ingest.counts import Counts, count_posts
from ingest.messages import PostEntities
from ingest.posts import publication_id, publication_key
from ingest.revisions import Kept
from ingest.store import Recount, layout
from ingest.store.database import Database, calls
from ingest.store.reading import Reader
from ingest.store.writing import Writer


class FirestoreStore(Reader):
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
        self._writer = Writer(
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

    def repair(self, name: str, wrong: Counts) -> None:
        self._writer.repair(name, wrong)

    def kept(self, post_id: str) -> Kept:
        with calls():
            snapshot = self._database.posts.document(post_id).get(**self._limits)
        return layout.read_kept(post_id, snapshot.to_dict())

    def post(self, post_id: str) -> PostEntities | None:
        return self.kept(post_id).post

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        posts = self._database.posts
        own = FieldFilter("publication_key", "==", publication_key(name))
        query = posts.where(filter=own).order_by("__name__")
        if after:
            query = query.start_after({"__name__": posts.document(after)})
        with calls():
            found = query.limit(limit).stream(**self._limits)
            return [layout.read_post(post.id, post.to_dict() or {}) for post in found]

    def recount(self, name: str) -> Recount:
        publication = self._database.publications.document(publication_id(name))
        with calls():
            # Every read below is of this one moment, so posts that are added meanwhile are in
            # both sides or in neither.
            moment = {"read_time": publication.get(**self._limits).read_time, **self._limits}
            own = FieldFilter("publication_key", "==", publication_key(name))
            fields = [f for f in PostEntities.model_fields if f not in ("post_id", "content")]
            posts = self._database.posts.where(filter=own).select(fields).stream(**moment)
            counted = count_posts(layout.read_post(post.id, post.to_dict() or {}) for post in posts)
            shards = publication.collection(layout.SHARDS).stream(**moment)
            entities = publication.collection(layout.ENTITIES).stream(**moment)
            kept = layout.read_counts(
                (shard.to_dict() for shard in shards), (entity.to_dict() for entity in entities)
            )
        return Recount(kept, counted)
