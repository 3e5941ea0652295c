"""What a feed says: the articles of RSS, Atom and sitemaps as they are in the wild."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import feedparser
from lxml import etree

MAX_TITLE_CHARACTERS = 500
TRACKING = ("utm_", "fbclid", "gclid", "mc_cid", "mc_eid")


@dataclass(frozen=True)
class Entry:
    """An article that a feed names."""

    url: str
    title: str | None = None
    published_at: datetime | None = None
    language: str | None = None


@dataclass(frozen=True)
class Feed:
    """The articles of a feed, the name of its publication, and the further feeds it names."""

    entries: list[Entry]
    title: str | None = None
    feeds: tuple[str, ...] = ()


class NotAFeed(Exception):
    """The text is no RSS, no Atom and no sitemap."""


def read_feed(body: bytes, url: str) -> Feed:
    """Read a feed that an address gave, with each article once."""
    feed = _sitemap(body, url) if _is_sitemap(body) else _rss_or_atom(body, url)
    return replace(
        feed, entries=list({entry.url: entry for entry in reversed(feed.entries)}.values())[::-1]
    )


def normal_url(url: str, base: str) -> str:
    """Return an absolute address without fragment and without the marks of campaigns."""
    parts = urlsplit(urljoin(base, url.strip()))
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not name.startswith(TRACKING)
    ]
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", urlencode(query), ""))


def _is_sitemap(body: bytes) -> bool:
    return b"<urlset" in body[:2000] or b"<sitemapindex" in body[:2000]


def _sitemap(body: bytes, url: str) -> Feed:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    root = etree.fromstring(body.strip(), parser)
    entries, feeds = [], []
    for item in root if root is not None else ():
        fields = {_name(child): (child.text or "").strip() for child in item.iter() if _name(child)}
        if not fields.get("loc"):
            continue
        address = normal_url(fields["loc"], url)
        if _name(item) == "sitemap":
            feeds.append(address)
            continue
        published = _iso(fields.get("publication_date", "")) or _iso(fields.get("lastmod", ""))
        title = fields.get("title") or None
        entries.append(Entry(address, _cut(title), published, fields.get("language") or None))
    return Feed(entries, feeds=tuple(feeds))


def _name(element: Any) -> str:
    """Return the name of an element without its namespace; "" for a comment."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _rss_or_atom(body: bytes, url: str) -> Feed:
    parsed = feedparser.parse(body, response_headers={"content-location": url})
    if not parsed.version and not parsed.entries:
        raise NotAFeed("it is no RSS, no Atom and no sitemap")
    language = parsed.feed.get("language")
    entries = [entry for item in parsed.entries for entry in _entry(item, url, language)]
    return Feed(entries, _cut(parsed.feed.get("title")))


def _entry(item: Any, base: str, language: str | None) -> Iterator[Entry]:
    link = item.get("link") or (item.get("id") if str(item.get("id")).startswith("http") else None)
    if not link:
        return
    try:
        url = normal_url(link, base)
    except ValueError:
        return
    # feedparser's own `get` takes one date for the other, and warns of it.
    dates = (dict.get(item, name) for name in ("published_parsed", "updated_parsed"))
    moment = next(filter(None, dates), None)
    yield Entry(url, _cut(item.get("title")), _moment(moment), language)


def _moment(moment: Any) -> datetime | None:
    """Return a time that feedparser has read; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(calendar.timegm(moment), UTC) if moment else None
    except (OverflowError, ValueError, OSError):
        return None


def _cut(text: str | None) -> str | None:
    cut = " ".join((text or "").split())[:MAX_TITLE_CHARACTERS]
    return cut or None
