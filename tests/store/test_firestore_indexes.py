"""
The indexes that production has, against the queries that the code makes.

The emulator answers any query, with an index or without. So every query is caught on its way, and
what Firestore would need for it is looked for in indexes.json.
"""

import inspect
import json
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command
from google.cloud.firestore_v1 import Client
from google.cloud.firestore_v1.base_query import BaseQuery
from google.cloud.firestore_v1.types import StructuredQuery

from ingest.core.day_window import DayWindow
from ingest.store.base import Cursor, EntityFilter, KeyCursor, NameFilter, PostCursor, StoreReader
from ingest.store.firestore import schema
from ingest.store.firestore.store import FirestoreStore
from ingestsite.configuration import ROOT
from tests.support.factories import NOON, entity, with_entities

FILE = Path(schema.__file__).with_name("indexes.json")
SCOPES = {False: "COLLECTION", True: "COLLECTION_GROUP"}
DIRECTIONS = {1: "ASCENDING", 2: "DESCENDING"}
# Firestore answers IN as one EQUAL after the other.
ONE_VALUE = (
    StructuredQuery.FieldFilter.Operator.EQUAL,
    StructuredQuery.FieldFilter.Operator.IN,
)
CONTAINS = (StructuredQuery.FieldFilter.Operator.ARRAY_CONTAINS,)

GAZETTE, ID = "The Gazette", "0" * 32
AFTER = Cursor(1, ID)
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("at_one_time", {}),
    ("publications", {"limit": 2, "after": "A"}),
    ("publication", {"name": GAZETTE}),
    ("publication_by_id", {"pub_id": ID}),
    ("entities", {"name": GAZETTE, "wanted": EntityFilter(limit=2)}),
    ("entities", {"name": GAZETTE, "wanted": EntityFilter(limit=2, after=AFTER, days=True)}),
    (
        "entities",
        {"name": GAZETTE, "wanted": EntityFilter(limit=2, after=AFTER, family="GROUP")},
    ),
    ("entities", {"name": GAZETTE, "wanted": EntityFilter(limit=2, order="posts")}),
    (
        "entities",
        {"name": GAZETTE, "wanted": EntityFilter(limit=2, order="posts", family="GROUP")},
    ),
    (
        "entities_within",
        {"name": GAZETTE, "window": DayWindow("2026-05-01"), "wanted": EntityFilter(limit=2)},
    ),
    ("entities_by_prefix", {"name": GAZETTE, "prefix": "o", "wanted": EntityFilter(limit=2)}),
    (
        "entities_by_prefix",
        {"name": GAZETTE, "prefix": "", "wanted": EntityFilter(limit=2, family="GROUP")},
    ),
    (
        "entities_by_prefix",
        {
            "name": GAZETTE,
            "prefix": "o",
            "wanted": EntityFilter(limit=2, after=KeyCursor("o", ID), family="GROUP"),
        },
    ),
    (
        "posts_within",
        {
            "name": GAZETTE,
            "windows": (DayWindow("2026-05-01", "2026-05-02"), DayWindow(until="2026-04-30")),
            "least": 1,
        },
    ),
    ("entities_by_id", {"name": GAZETTE, "ids": [ID]}),
    ("entity_everywhere", {"entity_id": ID, "limit": 2}),
    ("find_names", {"wanted": NameFilter(words=("oslo",), limit=2)}),
    ("posts_mentioning", {"entity_id": ID, "limit": 2}),
    (
        "posts_mentioning",
        {"entity_id": ID, "name": GAZETTE, "limit": 2, "after": PostCursor("2026-01-01", ID)},
    ),
    ("posts_mentioning", {"entity_id": ID, "limit": 2, "window": DayWindow("2026-05-01")}),
    (
        "newest_posts",
        {
            "name": GAZETTE,
            "window": DayWindow("2026-05-01", "2026-05-09"),
            "limit": 2,
            "after": PostCursor("2026-05-04", ID),
        },
    ),
    ("posts_by_id", {"post_ids": [ID]}),
    ("publication_names", {"limit": 2}),
    ("posts_before", {"day": "2026-05-01", "limit": 2}),
    ("posts_before", {"day": "2026-05-01", "limit": 2, "with_text": True}),
    ("families", {"name": GAZETTE}),
    ("keep_summary", {"pub_id": ID, "text": "{}"}),
    ("get_top_entities", {"pub_id": ID}),
    ("posts", {"name": GAZETTE, "limit": 2, "after": ID}),
    ("recount", {"name": GAZETTE}),
]


class Index(NamedTuple):
    """An index, or what a query needs of one."""

    collection: str
    scope: str
    fields: tuple[tuple[str, str], ...]


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[StructuredQuery]:
    """Return the queries that are sent from now on."""
    caught: list[StructuredQuery] = []
    to_protobuf: Callable[[BaseQuery], StructuredQuery] = BaseQuery._to_protobuf

    def catch(query: BaseQuery) -> StructuredQuery:
        caught.append(to_protobuf(query))
        return caught[-1]

    monkeypatch.setattr(BaseQuery, "_to_protobuf", catch)
    return caught


def needed(query: StructuredQuery) -> Index:
    """Return the index that Firestore answers a query from."""
    (source,) = query.from_
    equal = [(f, "ASCENDING") for f, op in _filters(query.where) if op in ONE_VALUE]
    contains = [(f, "CONTAINS") for f, op in _filters(query.where) if op in CONTAINS]
    orders = [(o.field.field_path, DIRECTIONS[int(o.direction)]) for o in query.order_by]
    if not orders:  # an inequality without an order is answered in its own
        ordered = {*ONE_VALUE, *CONTAINS}
        orders = [(f, "ASCENDING") for f, op in _filters(query.where) if op not in ordered]
    if orders and orders[-1][0] == "__name__":
        # Every index ends with the name, in the direction of its last field.
        assert len(orders) == 1 or orders[-1][1] == orders[-2][1]
        orders.pop()
    fields = (*contains, *sorted(equal), *orders)
    return Index(source.collection_id, SCOPES[source.all_descendants], fields)


def _filters(where: StructuredQuery.Filter) -> Iterator[tuple[str, Any]]:
    if "composite_filter" in where:
        for part in where.composite_filter.filters:
            yield from _filters(part)
    elif "field_filter" in where:
        yield where.field_filter.field.field_path, where.field_filter.op


def composite() -> set[Index]:
    """Return the indexes that the file names."""
    return {
        Index(i["collectionGroup"], i["queryScope"], tuple(map(_field, i["fields"])))
        for i in json.loads(FILE.read_text())["indexes"]
    }


def _field(field: dict[str, str]) -> tuple[str, str]:
    return field["fieldPath"], field.get("order") or field["arrayConfig"]


def exempt() -> set[tuple[str, str]]:
    """Return the fields that have no index of their own."""
    fields = json.loads(FILE.read_text())["fieldOverrides"]
    return {(f["collectionGroup"], f["fieldPath"]) for f in fields}


def ask_everything(store: FirestoreStore) -> None:
    """Make every query that there is."""
    store.add([with_entities("1", [entity("Oslo")])])
    for name, arguments in CALLS:
        getattr(store, name)(**arguments)


def test_every_call_that_reads_is_made_here() -> None:
    promised = {name for name, _ in inspect.getmembers(StoreReader, inspect.isfunction)}
    assert {name for name in promised if not name.startswith("_")} <= {name for name, _ in CALLS}


def test_every_query_has_its_index(firestore: FirestoreStore, queries: list[Any]) -> None:
    ask_everything(firestore)
    wanted = {needed(query) for query in queries}
    assert len(wanted) > len(composite())
    alone = {index for index in wanted if len(index.fields) <= 1}
    assert wanted - alone <= composite()
    for index in alone:
        assert index.scope == "COLLECTION", f"{index} needs one over all publications"
        for field, _ in index.fields:
            assert (index.collection, field) not in exempt()


def test_no_index_is_paid_for_in_vain(firestore: FirestoreStore, queries: list[Any]) -> None:
    ask_everything(firestore)
    assert composite() <= {needed(query) for query in queries}


def test_no_field_has_an_index_of_its_own_in_vain(
    firestore: FirestoreStore, queries: list[Any]
) -> None:
    """Firestore indexes each field, and each write pays for it, unless the field is exempt."""
    ask_everything(firestore)
    whole = with_entities("2", [entity("Oslo")], published_at=NOON)
    optional = {"url": "x", "title": "x", "language": "en", "patterns": 1, "rules": 1}
    dates = dict.fromkeys(("first_accepted_at", "again_at", "dated_at"), NOON)
    found = {"found": whole.entities}
    firestore.add([whole.model_copy(update={**optional, **dates, **found})])
    firestore.remove(with_entities("1").post_id, at=NOON)
    alone = {(i.collection, i.fields[0][0]) for i in map(needed, queries) if len(i.fields) == 1}
    assert fields_of(firestore._client) - alone - exempt() == set()


def fields_of(client: Client) -> set[tuple[str, str]]:
    """Return the fields of all documents, with the collections they are in."""
    found, todo = set(), list(client.collections())
    while todo:
        collection = todo.pop()
        for snapshot in collection.stream():
            found |= {(collection.id, name) for name in snapshot.to_dict() or {}}
            todo += snapshot.reference.collections()
    return found


def test_gcloud_and_firebase_create_the_same(tmp_path: Path) -> None:
    printed = StringIO()
    call_command("firestore_indexes", project="newsroom", stdout=printed)
    lines = [shlex.split(line) for line in printed.getvalue().splitlines()]
    assert all(line[:3] == ["gcloud", "firestore", "indexes"] for line in lines)
    described = json.loads(FILE.read_text())
    assert len(lines) == len(described["indexes"]) + len(described["fieldOverrides"])
    (everywhere,) = (line for line in lines if "--query-scope=collection-group" in line)
    assert everywhere[3:8] == [
        "composite",
        "create",
        "--collection-group=entities",
        "--query-scope=collection-group",
        "--field-config=field-path=id,order=ascending",
    ]
    firebase = json.loads((ROOT / "firebase.json").read_text())["firestore"]
    assert (ROOT / firebase["indexes"]).samefile(FILE)
    rules = (ROOT / firebase["rules"]).read_text()
    assert re.findall(r"allow .*", rules) == ["allow read, write: if false;"]


def test_a_query_that_has_no_index_would_be_seen(
    firestore: FirestoreStore, queries: list[Any]
) -> None:
    entities = firestore._database.entities(ID)
    list(entities.order_by("family").order_by("posts").stream())
    (query,) = queries
    assert needed(query) not in composite()
    assert needed(query).fields == (("family", "ASCENDING"), ("posts", "ASCENDING"))


def test_a_moment_is_no_other_query(firestore: FirestoreStore, queries: list[Any]) -> None:
    firestore.add([with_entities("1", [entity("Oslo")])])
    firestore.entities(GAZETTE, EntityFilter(limit=2, as_of=datetime.now(UTC)))
    assert [needed(query).fields for query in queries] == [(("mentions", "DESCENDING"),)]
