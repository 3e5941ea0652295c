"""
Names in Firestore: a document for each name, so that a search finds it by its words.

A name's document is written before the name is counted, and outside that commit. So a search finds
every name that counts, and no index moves with every counter: the magnitude rises with the number
of bits of the mentions.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from google.cloud.firestore_v1 import DocumentSnapshot, Query
from google.cloud.firestore_v1.base_query import FieldFilter

from ingest.core.chunks import chunks
from ingest.core.counts import EntityCounts, EntityName
from ingest.core.entity_names import entity_id
from ingest.core.name_search import MAX_BEGINNING, has_words
from ingest.store.base import (
    NAME_PUBLICATIONS,
    FoundName,
    NameFilter,
    NameInPublication,
    NameSearch,
    StoredEntity,
)
from ingest.store.firestore import schema
from ingest.store.firestore.client import Database
from ingest.store.firestore.commit import Commit

# A process remembers so many names that it has indexed: about 4 MB.
REMEMBERED_NAMES = 20_000
NAMES_IN_COMMIT = 400

# A search reads so many names with a word, and the counts of so many of those that match.
CANDIDATES, RANKED_NAMES = 300, 60
# Firestore takes so many values in one comparison.
COMPARED_IDS = 30
# A comparison reads the counts in at most so many publications, the most mentions first.
COMPARED_COUNTS = 500

COUNTED_FIELDS = ("id", "family", "key", "mentions", "posts", "labels", "forms")


class NameIndex:
    """The documents of the names of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: set[EntityName] = set()

    def create(self, names: Mapping[EntityName, int]) -> set[EntityName]:
        """Create the documents of names that have none, with magnitudes; return these names."""
        unknown = {entity_id(*name): name for name in names if name not in self._remembered}
        references = [self._database.names.document(id_) for id_ in unknown]
        known = {s.id for s in self._read(references, schema.MAGNITUDE) if s.exists}
        new = {name for id_, name in unknown.items() if id_ not in known}
        self.write({name: names[name] for name in new})
        if len(self._remembered) + len(unknown) > REMEMBERED_NAMES:
            self._remembered.clear()
        self._remembered.update(unknown.values())
        return new

    def write(self, names: Mapping[EntityName, int]) -> None:
        """Write the documents of names, and raise their magnitudes to at least these."""
        for chunk in chunks(names.items(), NAMES_IN_COMMIT):
            commit = Commit(self._database)
            for name, magnitude in chunk:
                document = schema.name_document(name)
                path = f"{schema.NAMES}/{document['id']}"
                commit.raise_to(path, document, {schema.MAGNITUDE: magnitude})
            commit.send(**self._database.limits)

    def drop(self, id_: str) -> None:
        """Delete the document of a name that no publication mentions any more."""
        self._remembered = {name for name in self._remembered if entity_id(*name) != id_}
        if not self._counts([id_]):
            self._database.names.document(id_).delete(**self._database.limits)

    def find(self, wanted: NameFilter) -> NameSearch:
        """Find names by the beginnings of their words, and rank them by what they add up to."""
        longest = wanted.words[0][:MAX_BEGINNING]
        query = self._database.names.where(
            filter=FieldFilter(schema.BEGINNINGS, "array_contains", longest)
        )
        query = query.order_by(schema.MAGNITUDE, direction=Query.DESCENDING).limit(CANDIDATES)
        candidates = list(query.select(["family", "key"]).stream(**self._database.limits))
        matching = [s.id for s in candidates if _matches(s, wanted)]
        considered = matching[: max(RANKED_NAMES, wanted.limit)]
        is_exact = len(candidates) < CANDIDATES and len(considered) == len(matching)
        counted = self._counts(considered, wanted.publications)
        found = sorted((_sums(own) for own in counted.values()), key=lambda e: _rank(e, wanted))
        page = found[: wanted.limit]
        places = {e.id: _places(counted[e.id], wanted) for e in page}
        named = self._publication_names({i for own in places.values() for i, _ in own})
        names = [
            FoundName(
                entity,
                [
                    NameInPublication(id_, named[id_], own["mentions"], own["posts"])
                    for id_, own in places[entity.id]
                    if id_ in named
                ],
            )
            for entity in page
        ]
        return NameSearch(names, len(found), is_exact)

    def _counts(
        self, ids: Iterable[str], publications: Collection[str] | None = None
    ) -> dict[str, list[tuple[str, schema.Document]]]:
        """Return what each publication counts of each entity, the most mentions first."""
        found = defaultdict(list)
        group = self._database.client.collection_group(schema.ENTITIES)
        for chunk in chunks(ids, COMPARED_IDS):
            query = group.where(filter=FieldFilter("id", "in", chunk))
            query = query.where(filter=FieldFilter("mentions", ">", 0))
            query = query.order_by("mentions", direction=Query.DESCENDING).limit(COMPARED_COUNTS)
            for snapshot in query.select(COUNTED_FIELDS).stream(**self._database.limits):
                own, pub_id = snapshot.to_dict() or {}, snapshot.reference.parent.parent.id
                if publications is None or pub_id in publications:
                    found[own["id"]].append((pub_id, own))
        return found

    def _publication_names(self, ids: Iterable[str]) -> dict[str, str]:
        references = [self._database.publications.document(id_) for id_ in ids]
        return {s.id: s.get("name") for s in self._read(references, "name") if s.exists}

    def _read(self, references: list[Any], field: str) -> Iterable[DocumentSnapshot[Any]]:
        """Read one field of documents."""
        if not references:
            return ()
        return self._database.client.get_all(references, [field], **self._database.limits)


def _matches(snapshot: DocumentSnapshot[Any], wanted: NameFilter) -> bool:
    is_of_family = wanted.family in (None, snapshot.get("family"))
    return is_of_family and has_words(snapshot.get("key"), wanted.words)


def _sums(counted: list[tuple[str, schema.Document]]) -> StoredEntity:
    """Add up what publications count of an entity; its text is that of the first."""
    _, first = counted[0]
    shown = schema.read_entity_counts(first)
    sums = EntityCounts(
        sum(own["mentions"] for _, own in counted),
        sum(own["posts"] for _, own in counted),
        forms=shown.forms,
        labels=shown.labels,
    )
    return StoredEntity.of((first["family"], first["key"]), sums)


def _rank(entity: StoredEntity, wanted: NameFilter) -> tuple[int, str]:
    count: int = getattr(entity, wanted.order)
    return -count, entity.id


def _places(
    counted: list[tuple[str, schema.Document]], wanted: NameFilter
) -> list[tuple[str, schema.Document]]:
    """Return the publications that mention an entity most."""
    return sorted(counted, key=lambda own: -own[1][wanted.order])[:NAME_PUBLICATIONS]
