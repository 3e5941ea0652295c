"""Which queries the pages and the API make of Firestore; each is answered from an index."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1 import DocumentReference, DocumentSnapshot, Query
from google.cloud.firestore_v1.base_query import FieldFilter

from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.core.messages import PostEntities
from ingest.core.posts import is_id, publication_id, publication_key
from ingest.store.base import (
    CONSIDERED_ENTITIES,
    LAST_CHARACTER,
    C,
    Cursor,
    EntityFilter,
    FamilyCounts,
    KeyCursor,
    NameFilter,
    NameSearch,
    Order,
    PostCursor,
    PostsWithin,
    Publication,
    Ranking,
    StoredEntity,
    WantedPosts,
    any_posts,
)
from ingest.store.firestore import schema
from ingest.store.firestore.client import Database, unavailable_on_error
from ingest.store.firestore.names import NameIndex

DESCENDING = Query.DESCENDING

# What a list of entities shows; the days of a hundred of them would weigh more than the rest.
LIST_FIELDS = ("family", "key", "mentions", "posts", "labels", "forms")

# What a list of posts shows.
POST_FIELDS = (
    "publication",
    "title",
    "url",
    "day",
    "accepted_at",
    "published_at",
    "own_id",
    "model",
    "entities",
)

# What snippets are found in: a merged name stands in the text as the model found it.
SNIPPET_FIELDS = ("content", "found")

# Of a window's newest posts we read this many, to find names that are not among the entities.
CONSIDERED_POSTS = 1000


class FirestoreReader:
    """The queries that pages, the API and commands make of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names = NameIndex(database)

    @property
    def _limits(self) -> dict[str, Any]:
        return self._database.limits

    def at_one_time(self) -> AbstractContextManager[None]:
        return nullcontext()  # each call names the read time of the first one

    def publications(
        self, *, limit: int | None = None, after: str | None = None
    ) -> list[Publication]:
        found: list[Publication] = []
        while limit is None or len(found) < limit:
            page = self._publications(limit, after)
            found += [publication for publication in page if publication.posts]
            if limit is None or len(page) < limit:
                break
            after = page[-1].name
        return found[:limit]

    def _publications(self, limit: int | None, after: str | None) -> list[Publication]:
        """Return publications by name, those without posts too."""
        query = self._database.publications.order_by("name")
        if after is not None:
            query = query.start_after({"name": after})
        if limit is not None:
            query = query.limit(limit)
        with unavailable_on_error():
            return self._with_counts([s.reference for s in query.select([]).stream(**self._limits)])

    def publication(self, name: str) -> Publication | None:
        return self.publication_by_id(publication_id(name))

    def publication_by_id(self, pub_id: str) -> Publication | None:
        if not is_id(pub_id):  # Firestore refuses some texts, such as "__x__"
            return None
        with unavailable_on_error():
            found = self._with_counts([self._database.publications.document(pub_id)])
        return found[0] if found else None

    def entities(self, name: str, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        entities = self._database.entities(publication_id(name))
        query = _mentioned(_of_family(entities, wanted.family), wanted.order)
        query = query.order_by(wanted.order, direction=DESCENDING)
        query = query.order_by("__name__", direction=DESCENDING)
        if after := wanted.after:
            place = {wanted.order: after.total, "__name__": entities.document(after.entity_id)}
            query = query.start_after(place)
        return self._entities_of(query, wanted)

    def entities_by_prefix(
        self, name: str, prefix: str, wanted: EntityFilter[KeyCursor]
    ) -> list[StoredEntity]:
        entities = self._database.entities(publication_id(name))
        query = _of_family(entities, wanted.family).order_by("key")
        query = query.order_by("__name__").end_at({"key": prefix + LAST_CHARACTER})
        if after := wanted.after:
            place = {"key": after.key, "__name__": entities.document(after.entity_id)}
            query = query.start_after(place)
        else:
            query = query.start_at({"key": prefix})
        return self._entities_of(query, wanted)

    def entities_within(
        self, name: str, window: DayWindow, wanted: EntityFilter[Cursor], *, prefix: str = ""
    ) -> Ranking:
        considered = replace(wanted, limit=wanted.considered, after=None, days=True)
        top = self.entities(name, considered)
        ranked = [e for e in (_within(entity, window) for entity in top) if e.mentions]
        ranked.sort(key=lambda e: _cursor(e, wanted.order), reverse=True)
        is_all = len(top) < wanted.considered
        least = 0 if is_all else _cursor(top[-1], wanted.order).total
        exact_prefix = sum(_cursor(e, wanted.order).total > least for e in ranked)
        page = [e for e in ranked if e.key.startswith(prefix)]
        if wanted.after:
            page = [e for e in page if _cursor(e, wanted.order) < wanted.after]
        is_exact = is_all or exact_prefix == len(top)
        return Ranking(page[: wanted.limit], len(top), exact_prefix, is_exact)

    def entities_by_id(self, name: str, ids: Iterable[str]) -> list[StoredEntity]:
        entities = self._database.entities(publication_id(name))
        return self._read_entities([entities.document(id_) for id_ in ids if is_id(id_)])

    def posts_within(
        self,
        name: str,
        windows: tuple[DayWindow, DayWindow],
        *,
        least: int,
        wanted: WantedPosts = any_posts,
    ) -> PostsWithin:
        entities = self._database.entities(publication_id(name))
        most = entities.order_by("posts", direction=DESCENDING).limit(CONSIDERED_ENTITIES)
        with unavailable_on_error():
            top = list(most.select(["post_days"]).stream(**self._limits))
            known = {snapshot.id for snapshot in top}
            names = self._names_within(name, windows[0], least=least) - known
            others = [entities.document(id_) for id_ in names]
            found = self._database.client.get_all(others, ["post_days"], **self._limits)
            days = {s.id: (s.to_dict() or {}).get("post_days", {}) for s in (*top, *found)}
        posts = {id_: (windows[0].total(own), windows[1].total(own)) for id_, own in days.items()}
        enough = {id_: both for id_, both in posts.items() if max(both) >= least}
        chosen = {id_: both for id_, both in enough.items() if wanted(*both)}
        return PostsWithin(chosen, len(enough), is_exact=len(top) < CONSIDERED_ENTITIES)

    def _names_within(self, name: str, window: DayWindow, *, least: int) -> set[str]:
        """Return the ids of entities that enough of the newest posts within a window mention."""
        own = FieldFilter("publication_key", "==", publication_key(name))
        query = self._database.posts.where(filter=own).order_by("day", direction=DESCENDING)
        for comparison, day in ((">=", window.since), ("<=", window.until)):
            if day is not None:
                query = query.where(filter=FieldFilter("day", comparison, day))
        newest = query.limit(CONSIDERED_POSTS).select(["entity_ids"]).stream(**self._limits)
        posts = Counter(id_ for post in newest for id_ in post.get("entity_ids"))
        return {id_ for id_, number in posts.items() if number >= least}

    def entity_everywhere(
        self, entity_id: str, *, limit: int
    ) -> list[tuple[Publication, StoredEntity]]:
        if not is_id(entity_id):  # Firestore refuses to compare a long text
            return []
        group = self._database.client.collection_group(schema.ENTITIES)
        query = _mentioned(group.where(filter=FieldFilter("id", "==", entity_id)))
        query = query.order_by("mentions", direction=DESCENDING).limit(limit)
        with unavailable_on_error():
            found = {s.reference.parent.parent: s for s in query.stream(**self._limits)}
            publications = {p.id: p for p in self._with_counts(list(found))}
        return [
            (publications[reference.id], _entity(snapshot))
            for reference, snapshot in found.items()
            if reference.id in publications
        ]

    def find_names(self, wanted: NameFilter) -> NameSearch:
        with unavailable_on_error():
            return self._names.find(wanted)

    def posts_mentioning(
        self,
        entity_id: str,
        *,
        name: str | None = None,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        if not is_id(entity_id):
            return []
        mentioning = FieldFilter("entity_ids", "array_contains", entity_id)
        query = self._database.posts.where(filter=mentioning)
        if name is not None:
            query = query.where(filter=_of_publication(name))
        return self._newest(query, window, limit, after, content=content)

    def newest_posts(
        self,
        name: str,
        *,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        query = self._database.posts.where(filter=_of_publication(name))
        return self._newest(query, window, limit, after, content=content)

    def posts_by_id(self, post_ids: Sequence[str]) -> list[PostEntities]:
        wanted = [self._database.posts.document(post_id) for post_id in post_ids if is_id(post_id)]
        with unavailable_on_error():
            found = list(self._database.client.get_all(wanted, **self._limits))
        records = {post.id: schema.read_record(post.id, post.to_dict()) for post in found}
        posts = (records[id_].post for id_ in post_ids if id_ in records)
        return [post for post in posts if post]

    def publication_names(self, *, limit: int, after: str | None = None) -> list[tuple[str, str]]:
        query = self._database.publications.order_by("name").start_after({"name": after or ""})
        with unavailable_on_error():
            found = query.limit(limit).select(["name"]).stream(**self._limits)
            return [(publication.id, publication.get("name")) for publication in found]

    def families(self, name: str) -> list[FamilyCounts]:
        found = []
        family = ""
        with unavailable_on_error():
            while (following := self._family_after(name, family)) is not None:
                family = following
                found.append(self._family_counts(name, family))
        return [counts for counts in found if counts.entities]

    def keep_summary(
        self, pub_id: str, text: str, *, top_entities: str = "", as_of: datetime | None = None
    ) -> None:
        batch = self._database.client.batch()
        batch.set(self._database.summary(pub_id), {"text": text, "as_of": as_of})
        batch.set(self._database.summary(pub_id, schema.TOP_ENTITIES), {"text": top_entities})
        with unavailable_on_error():
            batch.commit(**self._limits)

    def get_top_entities(self, pub_id: str) -> str | None:
        with unavailable_on_error():
            document = self._database.summary(pub_id, schema.TOP_ENTITIES)
            saved = document.get(**self._limits).to_dict()
        return saved["text"] if saved else None

    def _family_after(self, name: str, family: str) -> str | None:
        """Return the family that stands next in the index: Firestore knows no distinct values."""
        entities = self._database.entities(publication_id(name))
        after = entities.where(filter=FieldFilter("family", ">", family)).order_by("family")
        next_ = after.limit(1).select(["family"]).stream(**self._limits)
        return next((str(snapshot.get("family")) for snapshot in next_), None)

    def _family_counts(self, name: str, family: str) -> FamilyCounts:
        query = _mentioned(_of_family(self._database.entities(publication_id(name)), family))
        sums = query.order_by("mentions", direction=DESCENDING).count("entities")
        (row,) = sums.sum("mentions", "mentions").get(**self._limits)
        values = {value.alias: int(value.value) for value in row}
        return FamilyCounts(family, **values)

    def _entities_of(self, query: Query, wanted: EntityFilter[C]) -> list[StoredEntity]:
        fields = [*LIST_FIELDS, "days", "post_days"] if wanted.days else LIST_FIELDS
        at: dict[str, Any] = {"read_time": wanted.as_of} if wanted.as_of else {}
        with unavailable_on_error():
            found = query.limit(wanted.limit).select(fields).stream(**at, **self._limits)
            return [_entity(snapshot) for snapshot in found]

    def _read_entities(self, references: list[DocumentReference]) -> list[StoredEntity]:
        with unavailable_on_error():
            found = self._database.client.get_all(references, **self._limits)
            return [_entity(snapshot) for snapshot in found if snapshot.exists]

    def _newest(
        self,
        query: Any,
        window: DayWindow,
        limit: int,
        after: PostCursor | None,
        *,
        content: bool,
    ) -> list[PostEntities]:
        """Return the newest posts of a query within a window."""
        for operator, day in ((">=", window.since), ("<=", window.until)):
            query = query.where(filter=FieldFilter("day", operator, day)) if day else query
        query = query.order_by("day", direction=DESCENDING)
        query = query.order_by("__name__", direction=DESCENDING)
        if after:
            place = self._database.posts.document(after.post_id)
            query = query.start_after({"day": after.day, "__name__": place})
        fields = [*POST_FIELDS, *SNIPPET_FIELDS] if content else POST_FIELDS
        with unavailable_on_error():
            found = query.limit(limit).select(fields).stream(**self._limits)
            return [schema.read_post(post.id, post.to_dict() or {}) for post in found]

    def _with_counts(self, references: Sequence[DocumentReference]) -> list[Publication]:
        """Read publications with their shards and summaries, in one call."""
        wanted = [document for r in references for document in self._documents(r)]
        documents: dict[str, list[DocumentSnapshot[Any]]] = defaultdict(list)
        for snapshot in self._database.client.get_all(wanted, **self._limits):
            if snapshot.exists:
                documents[snapshot.reference.path.split("/")[1]].append(snapshot)
        found = (_publication(documents[reference.id]) for reference in references)
        return [publication for publication in found if publication]

    def _documents(self, reference: DocumentReference) -> list[DocumentReference]:
        shards = self._database.shards(reference.id)
        return [reference, self._database.summary(reference.id), *shards]


def _mentioned(entities: Any, order: Order = "mentions") -> Any:
    """Leave out what a repair, or a post that was deleted, leaves with no mention."""
    return entities.where(filter=FieldFilter(order, ">", 0))


def _of_publication(name: str) -> FieldFilter:
    """Return the condition for the posts of a publication."""
    return FieldFilter("publication_key", "==", publication_key(name))


def _of_family(entities: Any, family: str | None) -> Any:
    """Narrow a query to one family, if one is named."""
    if family is None:
        return entities
    return entities.where(filter=FieldFilter("family", "==", family))


def _publication(snapshots: Sequence[DocumentSnapshot[Any]]) -> Publication | None:
    """Put a publication together from its own document, its summary and its shards."""
    documents: dict[str, list[schema.Document]] = defaultdict(list)
    changes = []
    for snapshot in snapshots:
        kind = snapshot.reference.parent.id
        documents[kind].append(snapshot.to_dict() or {})
        if kind == schema.SHARDS:
            changes.append(snapshot.update_time)
    days = Counter[str]()
    for shard in documents[schema.SHARDS]:
        days.update(shard.get("days", {}))
    summary = next(iter(documents[schema.SUMMARIES]), {})
    for own in documents[schema.PUBLICATIONS]:
        return Publication(
            publication_id(own["name"]),
            own["name"],
            posts=sum(shard["posts"] for shard in documents[schema.SHARDS]),
            days=schema.present(days),
            summary=summary.get("text"),
            # The earliest: a document read later is the same, unless it changed in between.
            read_time=min(snapshot.read_time for snapshot in snapshots),
            changed_at=max(changes, default=None),
            top_entities_as_of=summary.get("as_of"),
        )
    return None


def _cursor(entity: StoredEntity, order: Order) -> Cursor:
    return Cursor(entity.posts if order == "posts" else entity.mentions, entity.id)


def _within(entity: StoredEntity, window: DayWindow) -> StoredEntity:
    """Return an entity with the mentions and posts of a window only."""
    return replace(entity, mentions=window.total(entity.days), posts=window.total(entity.post_days))


def _entity(snapshot: DocumentSnapshot[Any]) -> StoredEntity:
    document = snapshot.to_dict() or {}
    counts = schema.read_entity_counts(document)
    return StoredEntity.of((document["family"], document["key"]), counts)
