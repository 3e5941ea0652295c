"""Which queries the pages and the API make of SQL; each is answered from an index."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum

from ingest.core.chunks import chunks
from ingest.core.counts import Tally
from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.store.base import (
    LAST_CHARACTER,
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
from ingest.store.sql.counters import read_entity_counts
from ingest.store.sql.database import STATEMENT_ROWS, snapshot, unavailable_on_error
from ingest.store.sql.models import (
    EntityRow,
    PostEntityRow,
    PostRow,
    PublicationDayRow,
    PublicationRow,
)
from ingest.store.sql.names import find_names
from ingest.store.sql.packs import sum_window
from ingest.store.sql.ranking import Rank, posts_of_windows, rank, rank_some
from ingest.store.sql.records import read_record


class SqlReader:
    """The queries that pages, the API and commands make of the database."""

    def at_one_time(self) -> AbstractContextManager[None]:
        return snapshot()

    def publications(
        self, *, limit: int | None = None, after: str | None = None
    ) -> list[Publication]:
        counted = PublicationDayRow.objects.filter(publication=OuterRef("pk"), posts__gt=0)
        rows = PublicationRow.objects.filter(Exists(counted)).order_by("name")
        if after is not None:
            rows = rows.filter(name__gt=after)
        with unavailable_on_error():
            return _publications(rows[:limit])

    def publication(self, name: str) -> Publication | None:
        return self.publication_by_id(publication_id(name))

    def publication_by_id(self, pub_id: str) -> Publication | None:
        with unavailable_on_error():
            found = _publications(PublicationRow.objects.filter(pub_id=pub_id))
        return found[0] if found else None

    def entities(self, name: str, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        total = wanted.order
        rows = _mentioned(name, wanted.family, total).order_by(f"-{total}", "-entity_id")
        if after := wanted.after:
            equal = Q((total, after.total), entity_id__lt=after.entity_id)
            rows = rows.filter(Q((f"{total}__lt", after.total)) | equal)
            rows = rows.filter((f"{total}__lte", after.total))  # where the index begins
        with unavailable_on_error():
            return list(_entities(rows[: wanted.limit], days=wanted.days).values())

    def entities_by_prefix(
        self, name: str, prefix: str, wanted: EntityFilter[KeyCursor]
    ) -> list[StoredEntity]:
        rows = _mentioned(name, wanted.family).order_by("key", "entity_id")
        rows = rows.filter(key__gte=prefix, key__lte=prefix + LAST_CHARACTER)
        if after := wanted.after:
            equal = Q(key=after.key, entity_id__gt=after.entity_id)
            rows = rows.filter(Q(key__gt=after.key) | equal).filter(key__gte=after.key)
        with unavailable_on_error():
            return list(_entities(rows[: wanted.limit], days=wanted.days).values())

    def entities_by_id(self, name: str, ids: Iterable[str]) -> list[StoredEntity]:
        with unavailable_on_error():
            rows = _of_publication(name).filter(entity_id__in=set(ids))
            return list(_entities(rows, days=True).values())

    def entities_within(
        self, name: str, window: DayWindow, wanted: EntityFilter[Cursor], *, prefix: str = ""
    ) -> Ranking:
        entities = _mentioned(name, wanted.family, wanted.order)
        if prefix:
            entities = entities.filter(key__gte=prefix, key__lte=prefix + LAST_CHARACTER)
        with snapshot():
            publication = _row_of(name)
            if publication is None:
                return Ranking([], 0, 0, is_exact=True)
            considered = entities.count()
            sums = sum_window(publication, window)
            asked = (sums, wanted.order, _place(name, wanted.after))
            is_some = prefix or wanted.family
            ranks = rank_some(*asked, entities) if is_some else rank(*asked)
            page = list(islice(ranks, wanted.limit))
            found = _entities(EntityRow.objects.filter(pk__in=[rank.row for rank in page]))
        by_row = {row.pk: entity for row, entity in found.items()}
        ranked = [replace(by_row[r.row], mentions=r.mentions, posts=r.posts) for r in page]
        return Ranking(ranked, considered, considered, is_exact=True)

    def posts_within(
        self,
        name: str,
        windows: tuple[DayWindow, DayWindow],
        *,
        least: int,
        wanted: WantedPosts = any_posts,
    ) -> PostsWithin:
        with snapshot():
            publication = _row_of(name)
            if publication is None:
                return PostsWithin({}, 0, is_exact=True)
            first, second = (sum_window(publication, window) for window in windows)
            enough = posts_of_windows(first, second, least=least)
            chosen = {row: both for row, both in enough.items() if wanted(*both)}
            ids = _entity_ids(chosen)
        posts = {ids[row]: both for row, both in chosen.items()}
        return PostsWithin(posts, len(enough), is_exact=True)

    def entity_everywhere(
        self, entity_id: str, *, limit: int
    ) -> list[tuple[Publication, StoredEntity]]:
        rows = EntityRow.objects.filter(entity_id=entity_id, mentions__gt=0)
        with unavailable_on_error():
            found = _entities(rows.order_by("-mentions", "publication")[:limit], days=True)
            wanted = PublicationRow.objects.filter(pk__in=[row.publication_id for row in found])
            publications = {publication.id: publication for publication in _publications(wanted)}
            ids = dict(wanted.values_list("pk", "pub_id"))
        return [(publications[ids[row.publication_id]], found[row]) for row in found]

    def find_names(self, wanted: NameFilter) -> NameSearch:
        with unavailable_on_error():
            return find_names(wanted)

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
        entities = EntityRow.objects if name is None else _of_publication(name)
        index = PostEntityRow.objects.filter(_within(window)).order_by("-day", "-post")
        with unavailable_on_error():
            found = index.filter(_older(after, "post")).values_list("day", "post")
            numbers = entities.filter(entity_id=entity_id).values_list("pk", flat=True)
            ranked = (place for entity in numbers for place in found.filter(entity=entity)[:limit])
            newest = [number for _, number in heapq.nlargest(limit, ranked)]
            posts = _posts(PostRow.objects.filter(pk__in=newest), content=content)
        return [posts[number] for number in newest if number in posts]

    def newest_posts(
        self,
        name: str,
        *,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        rows = PostRow.objects.filter(_own(name), _within(window)).order_by("-day", "-pk")
        with unavailable_on_error():
            page = rows.filter(_older(after, "pk"))[:limit]
            return list(_posts(page, content=content).values())

    def posts_by_id(self, post_ids: Sequence[str]) -> list[PostEntities]:
        with unavailable_on_error():
            found = _posts(PostRow.objects.filter(post_id__in=post_ids), content=True)
        posts = {post.post_id: post for post in found.values()}
        return [posts[post_id] for post_id in post_ids if post_id in posts]

    def publication_names(self, *, limit: int, after: str | None = None) -> list[tuple[str, str]]:
        rows = PublicationRow.objects.filter(name__gt=after or "").order_by("name")
        with unavailable_on_error():
            return list(rows.values_list("pub_id", "name")[:limit])

    def families(self, name: str) -> list[FamilyCounts]:
        sums = _mentioned(name).values("family").order_by("family")
        with unavailable_on_error():
            return [
                FamilyCounts(row["family"], row["entities"], row["total"])
                for row in sums.annotate(entities=Count("pk"), total=Sum("mentions"))
            ]

    def keep_summary(
        self, pub_id: str, text: str, *, top_entities: str = "", as_of: datetime | None = None
    ) -> None:
        with unavailable_on_error():
            PublicationRow.objects.filter(pub_id=pub_id).update(
                summary=text, top_entities=top_entities, as_of=as_of
            )

    def get_top_entities(self, pub_id: str) -> str | None:
        with unavailable_on_error():
            rows = PublicationRow.objects.filter(pub_id=pub_id)
            return rows.values_list("top_entities", flat=True).first()


def _of_publication(name: str) -> QuerySet[EntityRow]:
    return EntityRow.objects.filter(_own(name))


def _mentioned(
    name: str, family: str | None = None, order: Order = "mentions"
) -> QuerySet[EntityRow]:
    """
    Leave out what a repair, or a post that was deleted, leaves with no mention.

    What the order counts is compared, so that its index has both.
    """
    rows = _of_publication(name).filter((f"{order}__gt", 0))
    return rows if family is None else rows.filter(family=family)


def _own(name: str) -> Q:
    """Return the condition for a row of a publication, without a join."""
    numbers = PublicationRow.objects.filter(pub_id=publication_id(name)).values("pk")[:1]
    return Q(publication=Subquery(numbers))


def _within(window: DayWindow) -> Q:
    """Return the condition for a day within a window."""
    since = Q(day__gte=window.since) if window.since else Q()
    return since & Q(day__lte=window.until) if window.until else since


def _older(after: PostCursor | None, row: str) -> Q:
    """Return the condition for what stands behind a cursor; `row` is the column of a post's row."""
    if after is None:
        return Q()
    last = _number(PostRow.objects.filter(post_id=after.post_id))
    equal = Q(day=after.day) & Q((f"{row}__lt", last))
    return (Q(day__lt=after.day) | equal) & Q(day__lte=after.day)


def _row_of(name: str) -> PublicationRow | None:
    """Return the row of a publication, without its summary."""
    rows = PublicationRow.objects.only("changed_at", "packed_as_of")
    return rows.filter(pub_id=publication_id(name)).first()


def _entity_ids(numbers: Iterable[int]) -> dict[int, str]:
    """Return the ids of entities by the numbers of their rows."""
    ids: dict[int, str] = {}
    for chunk in chunks(numbers, STATEMENT_ROWS):
        ids |= EntityRow.objects.filter(pk__in=chunk).values_list("pk", "entity_id")
    return ids


def _place(name: str, cursor: Cursor | None) -> Rank | None:
    """Return the place of a cursor among the ranks."""
    if cursor is None:
        return None
    last = _number(_of_publication(name).filter(entity_id=cursor.entity_id))
    return Rank(cursor.total, last, 0, 0)


def _number(rows: QuerySet[Any]) -> int:
    """Return the number of a row; 0 if there is none, as of a token of another store."""
    return rows.values_list("pk", flat=True).first() or 0


def _publications(rows: Iterable[PublicationRow]) -> list[Publication]:
    """Return publications with the posts of their days."""
    rows = list(rows)
    days: dict[int, Tally] = defaultdict(Counter)
    counted = PublicationDayRow.objects.filter(publication__in=rows, posts__gt=0)
    for number, day, posts in counted.values_list("publication", "day", "posts"):
        days[number][day] = posts
    return [
        Publication(
            row.pub_id,
            row.name,
            posts=days[row.pk].total(),
            days=days[row.pk],
            summary=row.summary,
            changed_at=row.changed_at,
            top_entities_as_of=row.as_of,
        )
        for row in rows
    ]


def _posts(rows: QuerySet[PostRow], *, content: bool) -> dict[int, PostEntities]:
    """Return the posts in rows, by the number of the row and in the order of the rows."""
    posts = {}
    for row in rows if content else rows.defer("content"):
        if not content:
            row.content = None  # else the row would read it now
        if post := read_record(row).post:
            posts[row.pk] = post
    return posts


def _entities(rows: Iterable[EntityRow], *, days: bool = False) -> dict[EntityRow, StoredEntity]:
    """Return entities with their labels and forms, and with their days if these are wanted."""
    rows = list(rows)
    counts = read_entity_counts(rows, days=days)
    return {row: StoredEntity.of((row.family, row.key), counts[row.pk]) for row in rows}
