"""The post of an article: the text of its page, as trafilatura finds it."""

from typing import Any

import trafilatura

from ingest.core.posts import MAX_CONTENT_CHARACTERS, MAX_NAME_CHARACTERS, digest
from ingest.follow.feeds import Entry

MIN_CHARACTERS = 100  # fewer are a notice about cookies or a login


class NoText(Exception):
    """The page has no text of an article."""


def read_article(page: bytes, entry: Entry, publication: str) -> dict[str, Any]:
    """
    Return the post of an article's page.

    Raises:
        NoText: there is none to read.
    """
    found = trafilatura.bare_extraction(
        page, url=entry.url, include_comments=False, with_metadata=True
    )
    text = (getattr(found, "text", None) or "").strip()
    if len(text) < MIN_CHARACTERS:
        raise NoText("its page has no text of an article")
    post = {
        "publication": publication[:MAX_NAME_CHARACTERS],
        "id": own_id(entry.url),
        "url": entry.url,
        "content": text[:MAX_CONTENT_CHARACTERS],
        "title": entry.title or getattr(found, "title", None),
        "published_at": entry.published_at.isoformat() if entry.published_at else None,
        "language": entry.language or getattr(found, "language", None),
    }
    return {name: value for name, value in post.items() if value}


def own_id(url: str) -> str:
    """Return an article's own id: its address, or the digest of a long one."""
    return url if len(url) <= MAX_NAME_CHARACTERS else digest(url)
