"""
Writing to SQL: one transaction of posts and of the changes to their counters.

A post's row is inserted first, and its unique id decides: of two savers, one has added the post.
The other one waits, then reads the row under a lock, and treats its own post as another revision.
Every saver writes posts, then publications, then their entities, then names, each in the order of
ids. So savers wait for one another, but never in a circle.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db.models import Subquery
from structlog import get_logger

from ingest.core.chunks import chunks
from ingest.core.counts import Counts, EntityName, name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.core.name_search import magnitude
from ingest.core.posts import publication_id
from ingest.core.revisions import (
    Change,
    PostRecord,
    differences,
    forgotten_counts,
    merge_revisions,
)
from ingest.observability import metrics, tracing
from ingest.store.base import StoreUnavailable
from ingest.store.sql.counters import EntityPlace, add_checkpoints, add_counts, read_checkpoint
from ingest.store.sql.database import (
    STATEMENT_ROWS,
    execute_many,
    insert,
    transact,
    unavailable_on_error,
)
from ingest.store.sql.models import (
    CheckpointRow,
    EntityDayRow,
    EntityFormRow,
    EntityLabelRow,
    EntityRow,
    PackRow,
    PostEntityRow,
    PostRow,
    PublicationRow,
)
from ingest.store.sql.names import drop_names, write_names
from ingest.store.sql.packs import write_packs
from ingest.store.sql.records import read_record, write_record

logger = get_logger()

ABSENT = PostRecord()


class WrittenPost(NamedTuple):
    """A post that a commit wrote: the number of its row, and its record before and after."""

    row: int
    before: PostRecord
    after: PostRecord


class IndexEntry(NamedTuple):
    """A post, by the number of its row, that mentions an entity on a day."""

    pub_id: str
    entity_id: str
    day: str
    post: int


class SqlWriter:
    """Writes posts and counters, always together."""

    def __init__(self, *, keep_content: bool, commit_posts: int) -> None:
        self._keep_content = keep_content
        self._commit_posts = commit_posts
        self._publications: dict[str, int] = {}  # the number of each publication's row, by id

    def add(self, posts: Sequence[PostEntities]) -> int:
        """Add posts, in as many commits as their number needs."""
        distinct = merge_revisions(posts)
        self._create_publications(post.publication for post in distinct)
        added = 0
        for group in chunks(distinct, self._commit_posts):
            changes = {p.post_id: partial(PostRecord.with_revision, revision=p) for p in group}
            added += sum(bool(w.after.post and not w.before.post) for w in self._apply(changes))
        return added

    def remove(self, post_id: str, *, at: datetime) -> bool:
        """Delete a post; its row keeps only the time of the deletion."""
        return bool(self.remove_all([post_id], at=at))

    def remove_all(self, post_ids: Collection[str], *, at: datetime) -> int:
        """Delete posts, in as many commits as their number needs."""
        written = self._apply_to(post_ids, partial(PostRecord.deleted, at=at))
        return sum(bool(w.before.post and not w.after.post) for w in written)

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        """Replace posts, in as many commits as their number needs."""
        return len(self._apply_to(post_ids, partial(PostRecord.changed, change=change)))

    def forget(self, post_ids: Collection[str], *, at: datetime) -> int:
        """Forget posts, in as many commits as their number needs."""
        written = self._apply_to(post_ids, partial(PostRecord.forgotten, at=at))
        return sum(bool(w.before.post) for w in written)

    def add_checkpoint(self, name: str, counts: Counts) -> None:
        """Add counts to the checkpoint and the counters."""
        self._create_publications([name])
        with transact():
            own = self._numbered({publication_id(name): counts})
            added = add_counts(own)
            add_checkpoints(own)
            write_names(added.grown)

    def move_checkpoint(
        self, name: str, target: str | None, *, only: Collection[EntityName] | None = None
    ) -> None:
        """Move counts of forgotten posts in one transaction, which locks the publication."""
        if target is not None:
            self._create_publications([target])
        with transact():
            rows = PublicationRow.objects.select_for_update()
            source = rows.filter(pub_id=publication_id(name)).first()
            counts = _only(read_checkpoint(source), only) if source else Counts()
            own = {publication_id(name): -counts}
            if target is not None:
                own[publication_id(target)] = counts
            moved = self._numbered(own if counts else {})
            added = add_counts(moved)
            add_checkpoints(moved)
            CheckpointRow.objects.filter(publication=source, number=0).delete()
            write_names(added.grown)

    def drop_zeros(self, name: str) -> int:
        """Delete the rows of entities that count nothing any more."""
        own = PublicationRow.objects.filter(pub_id=publication_id(name)).first()
        with transact():
            rows = EntityRow.objects.filter(publication=own, mentions=0, posts=0)
            numbers = sorted(rows.select_for_update().values_list("pk", flat=True))
            ids = set(rows.values_list("entity_id", flat=True))
            for chunk in chunks(numbers, STATEMENT_ROWS):
                for model in (EntityDayRow, EntityFormRow, EntityLabelRow):
                    model._default_manager.filter(entity__in=chunk).delete()
                EntityRow.objects.filter(pk__in=chunk).delete()
            PackRow.objects.filter(publication=own).delete()
            for gone in chunks(sorted(ids), STATEMENT_ROWS):
                drop_names(gone)
        return len(numbers)

    def name_publication(self, name: str) -> None:
        """Create the row of a publication, or change the name in it."""
        self._create_publications([name])
        with unavailable_on_error():
            PublicationRow.objects.filter(pub_id=publication_id(name)).update(name=name)

    def repair(self, name: str, diff: Counts) -> None:
        """Add the difference that a recount found to the counters."""
        with transact():
            write_names(add_counts(self._numbered({publication_id(name): diff})).grown)

    def prepare_windows(self, pub_id: str, *, limit: int) -> int:
        """Write packs that are missing, each in a transaction of its own."""
        with unavailable_on_error():
            number = (
                PublicationRow.objects.filter(pub_id=pub_id).values_list("pk", flat=True).first()
            )
            return write_packs(number, limit=limit) if number is not None else 0

    def index_names(self, name: str) -> int:
        """Let every name of a publication be found, in transactions of many names each."""
        own = PublicationRow.objects.filter(pub_id=publication_id(name)).values("pk")[:1]
        rows = EntityRow.objects.filter(publication=Subquery(own), mentions__gt=0)
        indexed = 0
        with unavailable_on_error():
            columns = rows.order_by("pk").values_list("pk", "family", "key", "mentions")
            after = 0
            while page := list(columns.filter(pk__gt=after)[:STATEMENT_ROWS]):
                with transact():
                    write_names({(f, key): magnitude(mentions) for _, f, key, mentions in page})
                after, indexed = page[-1][0], indexed + len(page)
        return indexed

    def _create_publications(self, given: Iterable[str]) -> None:
        """Create the rows of publications before a commit needs their numbers."""
        names: dict[str, str] = {}
        for name in given:
            names.setdefault(publication_id(name), name)
        new = [(pub_id, name) for pub_id, name in names.items() if pub_id not in self._publications]
        with unavailable_on_error():
            # The first spelling of the name stays.
            tail = "ON CONFLICT (pub_id) DO NOTHING"
            insert(PublicationRow, ("pub_id", "name"), sorted(new), tail=tail)

    def _publication(self, pub_id: str) -> int:
        """Return the number of a publication's row."""
        if pub_id not in self._publications:
            self._publications[pub_id] = PublicationRow.objects.get(pub_id=pub_id).pk
        return self._publications[pub_id]

    def _apply_to(self, post_ids: Collection[str], change: Change) -> list[WrittenPost]:
        """Change the records of posts, in as many commits as their number needs."""
        groups = chunks(dict.fromkeys(post_ids), self._commit_posts)
        return [w for group in groups for w in self._apply(dict.fromkeys(group, change))]

    def _apply(self, changes: Mapping[str, Change]) -> list[WrittenPost]:
        """Change the records of posts in one commit, and return the posts that it wrote."""
        with tracing.span("commit", posts=len(changes)), _counted(), transact():
            written = self._write_posts(changes)
            rows = len(written) + self._write_counts(written)
        metrics.WRITES.inc(rows)
        logger.info("commit", posts=len(written), writes=rows)
        return written

    def _write_posts(self, changes: Mapping[str, Change]) -> list[WrittenPost]:
        """Insert the posts that are new, and update the others that change."""
        records = {post_id: changes[post_id](ABSENT) for post_id in sorted(changes)}
        inserted = insert(
            PostRow,
            ("post_id", "publication", "day", "accepted_day", "record", "content"),
            [(id_, *self._values(record)) for id_, record in records.items() if record != ABSENT],
            tail="ON CONFLICT (post_id) DO NOTHING",
            returning="id, post_id",
        )
        new = [WrittenPost(row, ABSENT, records.pop(post_id)) for row, post_id in inserted]
        return new + self._update_posts({post_id: changes[post_id] for post_id in records})

    def _update_posts(self, changes: Mapping[str, Change]) -> list[WrittenPost]:
        if not changes:
            return []
        rows = PostRow.objects.select_for_update().filter(post_id__in=changes).order_by("post_id")
        written = []
        for row in rows:
            before = read_record(row)
            after = changes[row.post_id](before)
            if after != before:
                written.append(WrittenPost(row.pk, before, after))
        execute_many(
            "UPDATE counts_post"
            " SET publication = %s, day = %s, accepted_day = %s, record = %s, content = %s"
            " WHERE id = %s",
            [(*self._values(w.after), w.row) for w in written],
        )
        return written

    def _values(
        self, record: PostRecord
    ) -> tuple[int | None, str | None, str | None, str, bytes | None]:
        """Return what a post's row holds of its record."""
        post = record.post
        own = self._publication(publication_id(post.publication)) if post else None
        days = (post.day.isoformat(), post.accepted_day) if post else (None, None)
        return (own, *days, *write_record(record, keep_content=self._keep_content))

    def _write_counts(self, written: Sequence[WrittenPost]) -> int:
        """Add what the posts change to the counters, and return how many rows that are."""
        before = {entry for w in written for entry in _index_entries(w.row, w.before)}
        after = {entry for w in written for entry in _index_entries(w.row, w.after)}
        records = [(w.before, w.after) for w in written]
        added = add_counts(self._numbered(differences(records)))
        self._write_index(before - after, after - before, added.entities)
        forgotten = add_checkpoints(self._numbered(forgotten_counts(records)))
        write_names(added.grown)
        return len(before ^ after) + added.rows + forgotten

    def _numbered(self, changes: Mapping[str, Counts]) -> list[tuple[int, Counts]]:
        """Return counts with the numbers of their publications' rows, in the order of ids."""
        return [(self._publication(pub_id), changes[pub_id]) for pub_id in sorted(changes)]

    def _write_index(
        self, removed: Set[IndexEntry], added: Set[IndexEntry], known: Mapping[EntityPlace, int]
    ) -> None:
        """
        Write which posts mention an entity on a day.

        Args:
            known: the numbers of the rows of entities whose counts have changed.
        """
        rows = self._entity_rows(removed | added, known)
        execute_many(
            "DELETE FROM counts_post_entity WHERE entity = %s AND day = %s AND post = %s",
            [(rows[self._place(e)], e.day, e.post) for e in sorted(removed)],
        )
        insert(
            PostEntityRow,
            ("entity", "day", "post"),
            [(rows[self._place(e)], e.day, e.post) for e in sorted(added)],
            tail="ON CONFLICT (entity, day, post) DO NOTHING",
        )

    def _place(self, entry: IndexEntry) -> EntityPlace:
        return self._publication(entry.pub_id), entry.entity_id

    def _entity_rows(
        self, entries: Iterable[IndexEntry], known: Mapping[EntityPlace, int]
    ) -> dict[EntityPlace, int]:
        """Return the number of each entity's row, of those that are not known yet too."""
        rows = dict(known)
        missing: dict[int, list[str]] = defaultdict(list)
        for number, id_ in sorted(set(map(self._place, entries)) - rows.keys()):
            missing[number].append(id_)
        for number, ids in missing.items():
            own = EntityRow.objects.filter(publication=number)
            for chunk in chunks(ids, STATEMENT_ROWS):
                found = own.filter(entity_id__in=chunk).values_list("entity_id", "pk")
                rows |= {(number, id_): row for id_, row in found}
        return rows


def _only(counts: Counts, names: Collection[EntityName] | None) -> Counts:
    """Return the counts of some entities; of all and of the posts, if none are named."""
    if names is None:
        return counts
    return Counts(entities={name: own for name, own in counts.entities.items() if name in names})


def _index_entries(row: int, record: PostRecord) -> Iterator[IndexEntry]:
    """Return the entries of the index for a post."""
    if post := record.post:
        pub_id, day = publication_id(post.publication), post.day.isoformat()
        for name in set(map(name_of, post.entities)):
            yield IndexEntry(pub_id, entity_id(*name), day, row)


@contextmanager
def _counted() -> Iterator[None]:
    """Count a commit by its outcome: done or failed."""
    started = time.perf_counter()
    try:
        yield
    except StoreUnavailable:
        metrics.COMMITS.labels("failed").inc()
        raise
    metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
    metrics.COMMITS.labels("done").inc()
