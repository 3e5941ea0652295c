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
from operator import itemgetter
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
from ingest.store.sql.counters import checkpoint_rows, read_checkpoint
from ingest.store.sql.database import (
    STATEMENT_ROWS,
    add_up,
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
    PublicationDayRow,
    PublicationRow,
)
from ingest.store.sql.names import drop_names, write_names
from ingest.store.sql.packs import change_counts, delete_packs, write_packs
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
            grown: dict[EntityName, int] = {}
            self._add_counts(publication_id(name), counts, grown)
            self._add_checkpoint(publication_id(name), counts)
            write_names(grown)

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
            moved = {name: -counts, **({target: counts} if target is not None else {})}
            grown: dict[EntityName, int] = {}
            for each, change in sorted(moved.items()) if counts else ():
                self._add_counts(publication_id(each), change, grown)
                self._add_checkpoint(publication_id(each), change)
            CheckpointRow.objects.filter(publication=source, number=0).delete()
            write_names(grown)

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
            grown: dict[EntityName, int] = {}
            self._add_counts(publication_id(name), diff, grown)
            write_names(grown)

    def prepare_windows(self, pub_id: str, *, limit: int) -> int:
        """Write packs that are missing, each in a transaction of its own."""
        with unavailable_on_error():
            return write_packs(self._publication(pub_id), limit=limit)

    def index_names(self, name: str) -> int:
        """Let every name of a publication be found, in transactions of many names each."""
        own = PublicationRow.objects.filter(pub_id=publication_id(name)).values("pk")
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
        rows = len(before ^ after)
        grown: dict[EntityName, int] = {}
        for pub_id, counts in sorted(differences((w.before, w.after) for w in written).items()):
            rows += self._add_counts(pub_id, counts, grown)
        self._write_index(before - after, after - before)
        for pub_id, counts in sorted(
            forgotten_counts((w.before, w.after) for w in written).items()
        ):
            rows += self._add_checkpoint(pub_id, counts)
        write_names(grown)
        return rows

    def _add_checkpoint(self, pub_id: str, counts: Counts) -> int:
        """Add counts to a publication's checkpoint, and return how many rows that are."""
        own = self._publication(pub_id)
        rows = sorted((own, *row) for row in checkpoint_rows(counts))
        keys = ("publication", "family", "key", "tally", "name")
        add_up(CheckpointRow, keys, ("number",), rows)
        return len(rows)

    def _add_counts(self, pub_id: str, counts: Counts, grown: dict[EntityName, int]) -> int:
        """
        Add counts to a publication's counters, and return how many rows that are.

        Args:
            grown: takes the magnitude of each name that has grown to a higher one.
        """
        publication = self._publication(pub_id)
        change_counts(publication)
        # A day of an entity has its day of the publication, by which a window finds it.
        every_day = set(counts.days).union(*(own.every_day for own in counts.entities.values()))
        delete_packs(publication, every_day)
        days = [(publication, day, counts.days[day]) for day in sorted(every_day)]
        add_up(PublicationDayRow, ("publication", "day"), ("posts",), days)
        named = sorted(
            ((entity_id(*name), name, entity) for name, entity in counts.entities.items()),
            key=itemgetter(0),
        )
        found = add_up(
            EntityRow,
            ("publication", "entity_id"),
            ("mentions", "posts"),
            [
                (publication, id_, *name, entity.mentions, entity.posts)
                for id_, name, entity in named
            ],
            fixed=("family", "key"),
            returning="entity_id, id, mentions",
        )
        rows: dict[str, int] = {id_: row for id_, row, _ in found}
        own = [(rows[id_], entity) for id_, _, entity in named]
        mentions: dict[str, int] = {id_: total for id_, _, total in found}
        for id_, name, entity in named:
            size = magnitude(mentions[id_])
            if size > magnitude(mentions[id_] - entity.mentions):
                grown[name] = max(size, grown.get(name, 0))
        entity_days = [
            (row, day, publication, entity.days[day], entity.post_days[day])
            for row, entity in own
            for day in sorted(entity.every_day)
        ]
        forms = [(row, *form) for row, entity in own for form in sorted(entity.forms.items())]
        labels = [(row, *label) for row, entity in own for label in sorted(entity.labels.items())]
        add_up(
            EntityDayRow,
            ("entity", "day"),
            ("mentions", "posts"),
            entity_days,
            fixed=("publication",),
        )
        add_up(EntityFormRow, ("entity", "form"), ("mentions",), forms)
        add_up(EntityLabelRow, ("entity", "label"), ("mentions",), labels)
        return 1 + len(days) + len(own) + len(entity_days) + len(forms) + len(labels)

    def _write_index(self, removed: Set[IndexEntry], added: Set[IndexEntry]) -> None:
        """Write which posts mention an entity on a day."""
        rows = self._entity_rows(removed | added)
        execute_many(
            "DELETE FROM counts_post_entity WHERE entity = %s AND day = %s AND post = %s",
            [(rows[e.pub_id, e.entity_id], e.day, e.post) for e in sorted(removed)],
        )
        insert(
            PostEntityRow,
            ("entity", "day", "post"),
            [(rows[e.pub_id, e.entity_id], e.day, e.post) for e in sorted(added)],
            tail="ON CONFLICT (entity, day, post) DO NOTHING",
        )

    def _entity_rows(self, entries: Iterable[IndexEntry]) -> dict[tuple[str, str], int]:
        """Return the number of each entity's row."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for entry in entries:
            wanted[entry.pub_id].add(entry.entity_id)
        return {
            (pub_id, id_): row
            for pub_id, ids in wanted.items()
            for chunk in chunks(sorted(ids), STATEMENT_ROWS)
            for id_, row in EntityRow.objects.filter(
                publication=self._publication(pub_id), entity_id__in=chunk
            ).values_list("entity_id", "pk")
        }


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
