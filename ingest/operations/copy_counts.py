"""Copying the posts of one store to another, so that an operator can change the store."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from ingest.store.base import Store

PAGE_RECORDS = 500  # records that are read and written at once


def copy_records(source: Store, target: Store, *, after: str | None) -> Iterator[tuple[str, int]]:
    """
    Copy the records after an id; a record that was copied before changes nothing.

    Returns the last id and the number of records of each page, once the target has it.
    """
    while page := source.records(limit=PAGE_RECORDS, after=after):
        for post_id, record in page.items():
            if record.deleted_at:
                target.remove(post_id, at=record.deleted_at)
            if record.forgotten_at:
                target.forget([post_id], at=record.forgotten_at)
        target.add([record.post for record in page.values() if record.post])
        after = max(page)
        yield after, len(page)


def copy_checkpoints(source: Store, target: Store) -> None:
    """Copy what forgotten posts count; what was copied before changes nothing."""
    for publication in source.publications():
        name = publication.name
        missing = source.checkpoint(name) - target.checkpoint(name)
        if missing:
            target.add_checkpoint(name, missing)


@dataclass(frozen=True)
class CopiedPublication:
    """How a publication counts in two stores."""

    name: str
    posts: int
    is_equal: bool


def compare_counts(source: Store, target: Store) -> Iterator[CopiedPublication]:
    """Recount each publication in both stores, and say whether every counter is the same."""
    names = {p.id: p.name for p in chain(source.publications(), target.publications())}
    for name in names.values():
        counted, copied = source.recount(name).counted, target.recount(name)
        is_equal = not copied.diff and copied.stored == counted
        yield CopiedPublication(name, counted.posts, is_equal)
