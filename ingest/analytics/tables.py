"""What can be taken away as a table: names, days, comparisons, companions and posts."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.analytics.comparison import Comparison
from ingest.analytics.entity_overview import EntityOverview
from ingest.analytics.mentioned_with import MentionedWith
from ingest.analytics.post_list import PostListQuery, PostSource, list_posts
from ingest.analytics.table_formats import Kind, Row, Table
from ingest.analytics.trends import Trends
from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.core.messages import PostEntities
from ingest.store.base import Publication, StoredEntity

PAGE_POSTS = 500  # that an export reads at once

ENTITY_COLUMNS: Mapping[str, Kind] = {
    "id": "text",
    "family": "text",
    "key": "text",
    "label": "text",
    "text": "text",
}


def _entity(entity: StoredEntity) -> Row:
    return tuple(getattr(entity, name) for name in ENTITY_COLUMNS)


def source_line(
    what: str, *, posts: int, since: str | None, until: str | None, at: str = ""
) -> str:
    """Return the line that says where numbers come from."""
    days = f", {since} to {until}" if since else ""
    read = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    where = f", {at}" if at else ""
    return f"Source: ingest. {what}, counted in {posts:,} posts{days}, read {read}{where}"


def publication_days(publication: Publication, window: DayWindow = EVERY_DAY, *, at: str) -> Table:
    """Return the posts of a publication by day."""
    days = window.part(publication.days)
    source = _source_of(f"Posts of {publication.name}", days, at)
    columns: Mapping[str, Kind] = {"day": "text", "posts": "whole"}
    return Table(f"{publication.name} days", columns, sorted(days.items()), source)


def _source_of(what: str, days: Mapping[str, int], at: str) -> str:
    since, until = min(days, default=None), max(days, default=None)
    return source_line(what, posts=sum(days.values()), since=since, until=until, at=at)


def entity_days(overview: EntityOverview, window: DayWindow = EVERY_DAY, *, at: str) -> Table:
    """Return the mentions of an entity by day and publication, with the posts of the days."""
    own = overview.narrowed_to
    occurrences = [o for o in overview.occurrences if own in (None, o.publication)]
    rows = [
        (
            *_entity(entity),
            publication.name,
            day,
            mentions,
            entity.post_days.get(day, 0),
            publication.days.get(day, 0),
        )
        for publication, entity in occurrences
        for day, mentions in sorted(window.part(entity.days).items())
    ]
    columns: Mapping[str, Kind] = {
        **ENTITY_COLUMNS,
        "publication": "text",
        "day": "text",
        "mentions": "whole",
        "posts": "whole",
        "of_posts": "whole",
    }
    posts = sum(window.total(publication.days) for publication, _ in occurrences)
    days = window.part(overview.days)
    source = source_line(
        f"Mentions of {overview.entity.text}",
        posts=posts,
        since=min(days, default=None),
        until=max(days, default=None),
        at=at,
    )
    return Table(f"{overview.entity.text} days", columns, rows, source)


def comparison_table(found: Comparison, *, at: str) -> Table:
    """Return the rows of a comparison: one for each name and side."""
    rows = (
        (
            *_entity(row.entity),
            side.title,
            side.since,
            side.until,
            side.posts,
            counts.mentions,
            counts.posts,
            round(counts.share, 6),
        )
        for row in found.rows
        for side, counts in zip(found.sides, row.counts, strict=True)
    )
    columns: Mapping[str, Kind] = {
        **ENTITY_COLUMNS,
        "side": "text",
        "since": "text",
        "until": "text",
        "of_posts": "whole",
        "mentions": "whole",
        "posts": "whole",
        "share_of_posts": "share",
    }
    titles = ", ".join(side.title for side in found.sides)
    top = f", the {found.top} most mentioned names of each" if found.top else ""
    posts = sum(side.posts for side in found.sides)
    source = source_line(f"Comparison of {titles}{top}", posts=posts, since=None, until=None, at=at)
    return Table("comparison", columns, rows, source)


def mentioned_with_table(found: MentionedWith, *, at: str) -> Table:
    """Return the companions of an entity."""
    rows = (
        (*_entity(c.entity), c.together, round(c.share, 6), round(c.usual_share, 6), c.lift)
        for c in found.companions
    )
    columns: Mapping[str, Kind] = {
        **ENTITY_COLUMNS,
        "posts": "whole",
        "share_of_sample": "share",
        "share_of_posts": "share",
        "lift": "share",
    }
    source = source_line(
        f"Names mentioned with {found.entity.text} in {found.publication.name}, the newest of"
        f" {found.of_posts:,} posts",
        posts=found.posts,
        since=found.window.since,
        until=found.window.until or found.publication.last_day,
        at=at,
    )
    return Table(f"mentioned with {found.entity.text}", columns, rows, source)


POST_COLUMNS: Mapping[str, Kind] = {
    "id": "text",
    "publication": "text",
    "day": "text",
    "title": "text",
    "url": "text",
    "language": "text",
    "names": "text",
}


def posts_table(source: PostSource, query: PostListQuery, *, what: str, at: str) -> Table:
    """Return posts without their texts, from the newest on, with the names they mention."""
    first = list_posts(source, _page(query, None))
    line = source_line(what, posts=first.total, since=query.since, until=query.until, at=at)
    return Table(what, POST_COLUMNS, _posts(source, query), line)


def _page(query: PostListQuery, cursor: str | None) -> PostListQuery:
    changes: dict[str, Any] = {"limit": PAGE_POSTS, "cursor": cursor}
    return query.model_copy(update=changes)


def _posts(source: PostSource, query: PostListQuery) -> Iterator[Row]:
    cursor = None
    while True:
        found = list_posts(source, _page(query, cursor))
        yield from map(_post, found.posts)
        if found.next is None:
            return
        cursor = found.next


def _post(post: PostEntities) -> Row:
    names = "; ".join(dict.fromkeys(entity.text for entity in post.entities))
    day = post.day.isoformat()
    return (post.post_id, post.publication, day, post.title, post.url, post.language, names)


TREND_COLUMNS: Mapping[str, Kind] = {
    **ENTITY_COLUMNS,
    **dict.fromkeys(("posts", "before"), "whole"),
    **dict.fromkeys(("share", "share_before", "score"), "share"),
    "direction": "text",
}


def trends_table(publication: Publication, trends: Trends, *, at: str) -> Table:
    """Return what rises and falls in a publication, with the posts of both windows."""
    directions = (("rising", trends.rising), ("falling", trends.falling))
    own = list(TREND_COLUMNS)[:-1]
    rows = (
        (*(getattr(trend, name) for name in own), direction)
        for direction, found in directions
        for trend in found
    )
    recent, before = trends.recent, trends.baseline
    source = source_line(
        f"Trends of {publication.name} against {before.posts:,} posts,"
        f" {before.since} to {before.until}",
        posts=recent.posts,
        since=recent.since,
        until=recent.until,
        at=at,
    )
    return Table(f"{publication.name} trends", TREND_COLUMNS, rows, source)
