"""Whole lists of entities, as CSV, JSON and Parquet, written while they are read."""

import csv
import json
from collections.abc import Generator, Iterator
from typing import Any

from ingest.analytics.entity_list import (
    MAX_LIMIT,
    EntityList,
    EntityQuery,
    is_readable,
    list_entities,
)
from ingest.analytics.table_formats import (
    BYTE_ORDER_MARK,
    ExportFormat,
    FormatUnavailable,
    Kind,
    Line,
    StreamedFile,
    Table,
    escape_formula,
    table_response,
)
from ingest.analytics.tables import source_line
from ingest.store.base import Publication, StoredEntity, StoreReader

# The headings of the columns: the fields of an entity, then those of its sample.
HEADINGS = (
    *("Entity", "Label", "Family", "Key", "ID", "Mentions", "Posts", "Share of posts"),
    *("Publication", "Posts of publication", "Since", "Until"),
)

COLUMNS: dict[str, Kind] = {
    **dict.fromkeys(("text", "label", "family", "key", "id"), "text"),
    **dict.fromkeys(("mentions", "posts"), "whole"),
    "share_of_posts": "share",
    "publication": "text",
    "of_posts": "whole",
    **dict.fromkeys(("since", "until"), "text"),
}


class ExportExpired(Exception):
    """The time that an export shows can no longer be read, so its stream is broken off."""


def export(
    store: StoreReader, publication: Publication, query: EntityQuery, format_: ExportFormat
) -> StreamedFile:
    """Answer with all entities that a query asks for, whatever its limit, as of one time."""
    pages = _pages(store, publication, query)
    first = next(pages)  # what goes wrong before the first byte is answered as an error
    if format_ == "parquet":
        try:
            return table_response(_table(first, pages), format_, source=pages)
        except FormatUnavailable:
            pages.close()
            raise
    write = _csv if format_ == "csv" else _json
    return StreamedFile(write(first, pages), name=publication.name, format_=format_, source=pages)


def export_table(store: StoreReader, publication: Publication, query: EntityQuery) -> Table:
    """Return all entities that a query asks for as a table, as of one time."""
    pages = _pages(store, publication, query)
    return _table(next(pages), pages)


def _table(first: EntityList, pages: Iterator[EntityList]) -> Table:
    sample = sample_fields(first)
    window = sample["window"]
    own = (sample["publication"], sample["posts"], *window.values())
    rows = (
        (*entity_fields(page, entity).values(), *own)
        for page in _chain(first, pages)
        for entity in page.entities
    )
    source = source_line(f"Names in {own[0]}", posts=first.posts, **window)
    return Table(first.publication.name, COLUMNS, rows, source)


def entity_fields(page: EntityList, entity: StoredEntity) -> dict[str, Any]:
    """Return what a list says of an entity; its share is null if the sample is empty."""
    share = page.share(entity)
    return {
        "text": entity.text,
        "label": entity.label,
        "family": entity.family,
        "key": entity.key,
        "id": entity.id,
        "mentions": entity.mentions,
        "posts": entity.posts,
        "share_of_posts": None if share is None else round(share, 4),
    }


def sample_fields(page: EntityList) -> dict[str, Any]:
    """Return what a list is a part of: its publication, posts and days."""
    considered = {"considered": page.considered, "certain": page.certain}
    return {
        "publication": page.publication.name,
        "posts": page.posts,
        "window": {
            "since": page.query.since or page.publication.first_day,
            "until": page.query.until or page.publication.last_day,
        },
        "order": page.order,
        **(considered if page.query.window else {}),
    }


def _pages(
    store: StoreReader, publication: Publication, query: EntityQuery
) -> Generator[EntityList]:
    update: dict[str, Any] = {"limit": MAX_LIMIT * 10, "cursor": None}
    with store.at_one_time():
        if publication.read_time is None:
            publication = store.publication_by_id(publication.id) or publication
        while True:
            page = list_entities(store, publication, query.model_copy(update=update))
            yield page
            if page.next is None:
                return
            if publication.read_time and not is_readable(publication.read_time):
                raise ExportExpired(f"{publication.name}: the client was too slow")
            update["cursor"] = page.next


def _csv(first: EntityList, pages: Iterator[EntityList]) -> Iterator[str]:
    writer = csv.writer(Line())
    sample = sample_fields(first)
    own = (sample["publication"], sample["posts"], *sample["window"].values())
    yield BYTE_ORDER_MARK + writer.writerow(HEADINGS)
    for page in _chain(first, pages):
        rows = [[*entity_fields(page, entity).values(), *own] for entity in page.entities]
        yield "".join(writer.writerow(map(escape_formula, row)) for row in rows)


def _json(first: EntityList, pages: Iterator[EntityList]) -> Iterator[str]:
    yield json.dumps(sample_fields(first), ensure_ascii=False)[:-1] + ', "entities": ['
    separator = "\n"
    for page in _chain(first, pages):
        for entity in page.entities:
            yield separator + json.dumps(entity_fields(page, entity), ensure_ascii=False)
            separator = ",\n"
    yield "\n]}\n"


def _chain(first: EntityList, pages: Iterator[EntityList]) -> Iterator[EntityList]:
    yield first
    yield from pages
