"""Counts in Cloud Firestore: how they are read; writing.py has how each post counts once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1 import DocumentSnapshot, Query
from google.cloud.firestore_v1.base_query import FieldFilter

from ingest.counts import Counts, count_posts
from ingest.messages import PostEntities
from ingest.posts import publication_id, publication_key
from ingest.revisions import Kept
from ingest.store import Cursor, Publication, Recount, StoredEntity, layout
from ingest.store.database import Database, calls
from ingest.store.writing import Writer


class FirestoreStore:
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
        self._database = Database(project=project, database=database, timeout=timeout)
        self._limits = self._database.limits
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

    def publications(self) -> list[Publication]:
        with calls():
            named = list(self._database.publications.order_by("name").stream(**self._limits))
            return self._with_shards(named)

    def publication(self, name: str) -> Publication | None:
        reference = self._database.publications.document(publication_id(name))
        with calls():
            snapshot = reference.get(**self._limits)
            return self._with_shards([snapshot])[0] if snapshot.exists else None

    def entities(self, name: str, *, limit: int, after: Cursor | None = None) -> list[StoredEntity]:
        entities = self._database.entities(publication_id(name))
        # A repair, or a post that was edited or deleted, leaves entities that nobody mentions.
        query = (
            entities.where(filter=FieldFilter("mentions", ">", 0))
            .order_by("mentions", direction=Query.DESCENDING)
            .order_by("__name__", direction=Query.DESCENDING)
        )
        if after:
            place = {"mentions": after.mentions, "__name__": entities.document(after.entity_id)}
            query = query.start_after(place)
        with calls():
            found = query.limit(limit).stream(**self._limits)
            return [_entity(snapshot) for snapshot in found]

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

    def _with_shards(self, named: Sequence[DocumentSnapshot[Any]]) -> list[Publication]:
        """Add the shards of publications up, read in one call."""
        references = [
            self._database.shard(s.id, n) for s in named for n in range(layout.SHARD_COUNT)
        ]
        posts: dict[str, int] = defaultdict(int)
        days: dict[str, Counter[str]] = defaultdict(Counter)
        for shard in self._client.get_all(references, **self._limits):
            document = shard.to_dict()
            if document:
                pub_id = shard.reference.parent.parent.id
                posts[pub_id] += document["posts"]
                days[pub_id].update(document.get("days", {}))
        return [
            Publication(
                s.id,
                s.get("name"),
                posts[s.id],
                min(layout.present(days[s.id]), default=None),
                max(layout.present(days[s.id]), default=None),
            )
            for s in named
        ]


def _entity(snapshot: DocumentSnapshot[Any]) -> StoredEntity:
    document = snapshot.to_dict() or {}
    counts = layout.read_entity_counts(document)
    return StoredEntity.of((document["family"], document["key"]), counts)
