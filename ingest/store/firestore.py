"""Counts in Cloud Firestore, each post once, through one atomic batch per publication."""

import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from google.api_core import exceptions as google
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore_v1 import (
    Client,
    CollectionReference,
    DocumentReference,
    DocumentSnapshot,
    Query,
)
from google.cloud.firestore_v1.base_query import FieldFilter

from ingest.counts import Counts, EntityName, count_posts
from ingest.messages import PostEntities
from ingest.names import entity_id
from ingest.posts import publication_id, publication_key
from ingest.store import (
    Cursor,
    Publication,
    Recount,
    StoredEntity,
    StoreRefused,
    StoreUnavailable,
    layout,
)

logger = logging.getLogger(__name__)

# A publication's own counters are spread over so many documents, since Firestore sustains about
# one write a second to each.
SHARD_COUNT = 8

# The emulator refuses a request of 4 MiB, production one of 10 MiB.
COMMIT_BYTES = 3_000_000


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
        self._client = Client(project=project, database=database)
        self._keep_content = keep_content
        self._commit_posts = commit_posts
        self._commit_writes = commit_writes
        # The client's own limit for a call is five minutes of retries.
        self._limits: dict[str, Any] = {
            "retry": Retry(initial=0.1, maximum=1, timeout=timeout),
            "timeout": timeout,
        }
        self._named: set[str] = set()

    def add(self, posts: Sequence[PostEntities]) -> int:
        distinct = {post.post_id: post for post in posts}
        publications: dict[str, list[PostEntities]] = defaultdict(list)
        for post in distinct.values():
            publications[publication_id(post.publication)].append(post)
        return sum(
            self._add_group(pub_id, group)
            for pub_id, own in publications.items()
            for group in self._groups(own)
        )

    def post(self, post_id: str) -> PostEntities | None:
        with _calls():
            snapshot = self._posts.document(post_id).get(**self._limits)
        document = snapshot.to_dict()
        return layout.read_post(post_id, document) if document else None

    def publications(self) -> list[Publication]:
        with _calls():
            named = list(self._publications.order_by("name").stream(**self._limits))
            return self._with_shards(named)

    def publication(self, name: str) -> Publication | None:
        reference = self._publications.document(publication_id(name))
        with _calls():
            snapshot = reference.get(**self._limits)
            return self._with_shards([snapshot])[0] if snapshot.exists else None

    def entities(self, name: str, *, limit: int, after: Cursor | None = None) -> list[StoredEntity]:
        entities = self._entities(publication_id(name))
        # A repair, or one day a deleted post, leaves entities that nobody mentions.
        query = (
            entities.where(filter=FieldFilter("mentions", ">", 0))
            .order_by("mentions", direction=Query.DESCENDING)
            .order_by("__name__", direction=Query.DESCENDING)
        )
        if after:
            place = {"mentions": after.mentions, "__name__": entities.document(after.entity_id)}
            query = query.start_after(place)
        with _calls():
            found = query.limit(limit).stream(**self._limits)
            return [_entity(snapshot) for snapshot in found]

    def recount(self, name: str) -> Recount:
        publication = self._publications.document(publication_id(name))
        with _calls():
            # Every read below is of this one moment, so posts that are added meanwhile are in
            # both sides or in neither.
            moment = {"read_time": publication.get(**self._limits).read_time, **self._limits}
            own = FieldFilter("publication_key", "==", publication_key(name))
            fields = [f for f in PostEntities.model_fields if f not in ("post_id", "content")]
            posts = self._posts.where(filter=own).select(fields).stream(**moment)
            counted = count_posts(layout.read_post(post.id, post.to_dict() or {}) for post in posts)
            shards = publication.collection(layout.SHARDS).stream(**moment)
            entities = publication.collection(layout.ENTITIES).stream(**moment)
            kept = layout.read_counts(
                (shard.to_dict() for shard in shards), (entity.to_dict() for entity in entities)
            )
        return Recount(kept, counted)

    def repair(self, name: str, wrong: Counts) -> None:
        pub_id = publication_id(name)
        batch = self._client.batch()
        # These increments have no marker: a commit whose answer is lost must not be sent again.
        once = {**self._limits, "retry": None}
        with _calls():
            if wrong.posts or wrong.days:
                batch.set(self._shard(pub_id, 0), layout.shard_increments(wrong), merge=True)
            for entity, counts in wrong.entities.items():
                reference = self._entities(pub_id).document(entity_id(*entity))
                batch.set(reference, layout.entity_increments(entity, counts), merge=True)
                if len(batch) >= self._commit_writes:
                    batch.commit(**once)
                    batch = self._client.batch()
            batch.commit(**once)

    @property
    def _posts(self) -> CollectionReference:
        return self._client.collection(layout.POSTS)

    @property
    def _publications(self) -> CollectionReference:
        return self._client.collection(layout.PUBLICATIONS)

    def _entities(self, pub_id: str) -> CollectionReference:
        publication = self._publications.document(pub_id)
        entities: CollectionReference = publication.collection(layout.ENTITIES)
        return entities

    def _shard(self, pub_id: str, number: int) -> DocumentReference:
        shards = self._publications.document(pub_id).collection(layout.SHARDS)
        shard: DocumentReference = shards.document(str(number))
        return shard

    def _groups(self, posts: Iterable[PostEntities]) -> Iterator[list[PostEntities]]:
        """Cut a publication's posts into groups that one commit can carry."""
        group: list[PostEntities] = []
        names: set[EntityName] = set()
        size = 0
        for post in posts:
            own = _names(post)
            own_size = _bytes(post)
            full = (
                len(group) >= self._commit_posts
                or len(group) + 1 + len(names | own) > self._commit_writes
                or size + own_size > COMMIT_BYTES
            )
            if group and full:
                yield group
                group, names, size = [], set(), 0
            group.append(post)
            names |= own
            size += own_size
        if group:
            yield group

    def _add_group(self, pub_id: str, posts: list[PostEntities]) -> int:
        """Add posts of one publication that were not added yet, and return their number."""
        with _calls():
            self._name_publication(pub_id, posts[0])
            while posts:
                try:
                    self._commit(pub_id, posts)
                except google.AlreadyExists:
                    posts = self._without_saved(posts)
                except google.InvalidArgument as refusal:
                    return self._add_halves(pub_id, posts, refusal)
                else:
                    return len(posts)
        return 0

    def _add_halves(
        self, pub_id: str, posts: list[PostEntities], refusal: google.InvalidArgument
    ) -> int:
        """Split a refused commit between posts, until the one that is the cause is alone."""
        if len(posts) == 1:
            raise StoreRefused(str(refusal)) from refusal
        middle = len(posts) // 2
        return self._add_group(pub_id, posts[:middle]) + self._add_group(pub_id, posts[middle:])

    def _commit(self, pub_id: str, posts: Sequence[PostEntities]) -> None:
        """Create the posts and increment the counters they add to, in one atomic batch."""
        counts = count_posts(posts)
        batch = self._client.batch()
        for post in posts:
            document = layout.post_document(post, keep_content=self._keep_content)
            batch.create(self._posts.document(post.post_id), document)
        shard = self._shard(pub_id, random.randrange(SHARD_COUNT))
        batch.set(shard, layout.shard_increments(counts), merge=True)
        entities = self._entities(pub_id)
        for name, entity in counts.entities.items():
            reference = entities.document(entity_id(*name))
            batch.set(reference, layout.entity_increments(name, entity), merge=True)
        writes, unmerged = len(batch), sum(2 + len(_names(post)) for post in posts)
        batch.commit(**self._limits)
        logger.info("commit: %d posts, %d writes, %d unmerged", len(posts), writes, unmerged)

    def _without_saved(self, posts: Iterable[PostEntities]) -> list[PostEntities]:
        posts = list(posts)
        references = [self._posts.document(post.post_id) for post in posts]
        found = self._client.get_all(references, field_paths=["model"], **self._limits)
        saved = {snapshot.id for snapshot in found if snapshot.exists}
        return [post for post in posts if post.post_id not in saved]

    def _name_publication(self, pub_id: str, post: PostEntities) -> None:
        """Write a publication's name, once a process, so that a hot publication is not hotter."""
        if pub_id in self._named:
            return
        document = {"key": publication_key(post.publication), "name": post.publication}
        with suppress(google.AlreadyExists):  # the first name that came is the one that is shown
            self._publications.document(pub_id).create(document, **self._limits)
        self._named.add(pub_id)

    def _with_shards(self, named: Sequence[DocumentSnapshot[Any]]) -> list[Publication]:
        """Add the shards of publications up, read in one call."""
        references = [self._shard(s.id, n) for s in named for n in range(SHARD_COUNT)]
        posts: dict[str, int] = defaultdict(int)
        days: dict[str, set[str]] = defaultdict(set)
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
                min(days[s.id], default=None),
                max(days[s.id], default=None),
            )
            for s in named
        ]


def _names(post: PostEntities) -> set[EntityName]:
    """Return the entities of a post, each of which is a document of its own to write."""
    return {(entity.label, entity.key) for entity in post.entities}


def _bytes(post: PostEntities) -> int:
    """Return about how large a post's own documents are; its text compresses, names do not."""
    return len(post.content) + sum(400 + 12 * len(entity.text) for entity in post.entities)


def _entity(snapshot: DocumentSnapshot[Any]) -> StoredEntity:
    get = snapshot.get
    return StoredEntity(
        snapshot.id, get("key"), get("label"), get("text"), get("mentions"), get("posts")
    )


@contextmanager
def _calls() -> Iterator[None]:
    """
    Turn every failure of a call but a refusal of its content into StoreUnavailable.

    A missing right or database is one too: a person can mend it, and until then nothing is lost.
    """
    try:
        yield
    except google.AlreadyExists:
        raise
    except google.GoogleAPIError as error:
        raise StoreUnavailable(f"Firestore: {type(error).__name__}: {error}") from error
    except GoogleAuthError as error:
        raise StoreUnavailable(f"Firestore refuses our credentials: {error}") from error
