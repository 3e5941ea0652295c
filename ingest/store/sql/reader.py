"""Which queries the pages and the API make of SQL; each is answered from an index."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Subquery, Sum

from ingest.core.counts import Tally
from ingest.core.day_window import DayWindow
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.store.base import (
    LAST_CHARACTER,
    Cursor,
    EntityFilter,
    FamilyCounts,
    KeyCursor,
    PostCursor,
    Publication,
    Ranking,
    StoredEntity,
)
from ingest.store.sql.counters import read_entity_counts
from ingest.store.sql.database import snapshot, unavailable_on_error
from ingest.store.sql.models import (
    EntityDayRow,
    EntityRow,
    PostEntityRow,
    PostRow,
    PublicationDayRow,
    PublicationRow,
)
from ingest.store.sql.ranking import SHORT_WINDOW_POSTS, Rank, rank_long, rank_short
from ingest.store.sql.records import read_record


class SqlReader:
    """The queries that pages, the API and commands make of the database."""

    def at_one_time(self) -> AbstractContextManager[None]:
        return snapshot()

    def publications(
        self, *, limit: int | None = None, after: str | None = None
    ) -> list[Publication]:
        rows = PublicationRow.objects.order_by("name")
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
        rows = _mentioned(name, wanted.family).order_by("-mentions", "-entity_id")
        if after := wanted.after:
            equal = Q(mentions=after.mentions, entity_id__lt=after.entity_id)
            rows = rows.filter(Q(mentions__lt=after.mentions) | equal)
            rows = rows.filter(mentions__lte=after.mentions)  # where the index begins
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
        entities = _mentioned(name, wanted.family)
        if prefix:
            entities = entities.filter(key__gte=prefix, key__lte=prefix + LAST_CHARACTER)
        with unavailable_on_error():
            considered = entities.count()
            after = _place(name, wanted.after)
            if _posts_within(name, window) > SHORT_WINDOW_POSTS:
                days = EntityDayRow.objects.filter(_within(window))
                ranks = rank_long(entities, days, wanted.limit, after)
            else:
                days = EntityDayRow.objects.filter(_within(window), _own(name))
                days = days.filter(entity__in=entities) if prefix or wanted.family else days
                ranks = rank_short(days, wanted.limit, after)
            found = _entities(EntityRow.objects.filter(pk__in=[rank.row for rank in ranks]))
        by_row = {row.pk: entity for row, entity in found.items()}
        page = [replace(by_row[r.row], mentions=r.mentions, posts=r.posts) for r in ranks]
        return Ranking(page, considered, considered, is_exact=True, has_posts=True)

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

    def posts_mentioning(
        self,
        entity_id: str,
        *,
        name: str | None = None,
        limit: int,
        after: PostCursor | None = None,
    ) -> list[PostEntities]:
        entities = EntityRow.objects if name is None else _of_publication(name)
        with unavailable_on_error():
            numbers = entities.filter(entity_id=entity_id).values_list("pk", flat=True)
            newest = heapq.nlargest(limit, self._mentioning(numbers, limit, after))
            rows = PostRow.objects.in_bulk([number for _, number in newest])
        records = (read_record(rows[number]) for _, number in newest)
        return [record.post for record in records if record.post]

    def _mentioning(
        self, entities: Iterable[int], limit: int, after: PostCursor | None
    ) -> Iterator[tuple[str, int]]:
        """Return the day and the row of the newest posts that mention each of these entities."""
        index = PostEntityRow.objects.order_by("-day", "-post").values_list("day", "post")
        if after:
            last = _number(PostRow.objects.filter(post_id=after.post_id))
            older = Q(day__lt=after.day) | Q(day=after.day, post__lt=last)
            index = index.filter(older, day__lte=after.day)
        for entity in entities:
            yield from index.filter(entity=entity)[:limit]

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


def _mentioned(name: str, family: str | None = None) -> QuerySet[EntityRow]:
    """Leave out what a repair, or a post that was deleted, leaves with no mention."""
    rows = _of_publication(name).filter(mentions__gt=0)
    return rows if family is None else rows.filter(family=family)


def _own(name: str) -> Q:
    """Return the condition for a row of a publication, without a join."""
    numbers = PublicationRow.objects.filter(pub_id=publication_id(name)).values("pk")
    return Q(publication=Subquery(numbers))


def _within(window: DayWindow) -> Q:
    """Return the condition for a day within a window."""
    since = Q(day__gte=window.since) if window.since else Q()
    return since & Q(day__lte=window.until) if window.until else since


def _posts_within(name: str, window: DayWindow) -> int:
    days = PublicationDayRow.objects.filter(_within(window), _own(name))
    return days.aggregate(total=Sum("posts"))["total"] or 0


def _place(name: str, cursor: Cursor | None) -> Rank | None:
    """Return the place of a cursor among the ranks."""
    if cursor is None:
        return None
    last = _number(_of_publication(name).filter(entity_id=cursor.entity_id))
    return Rank(cursor.mentions, last, 0)


def _number(rows: QuerySet[Any]) -> int:
    """Return the number of a row; 0 if a token of another store names one that is not here."""
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


def _entities(rows: Iterable[EntityRow], *, days: bool = False) -> dict[EntityRow, StoredEntity]:
    """Return entities with their labels and forms, and with their days if these are wanted."""
    rows = list(rows)
    counts = read_entity_counts(rows, days=days)
    return {row: StoredEntity.of((row.family, row.key), counts[row.pk]) for row in rows}
