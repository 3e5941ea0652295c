"""Well-known collections of news by name: their columns, and how their files are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """
    How the files of a collection are read.

    Args:
        columns: the columns of a field. Of several, the first that is not empty counts. So one
            preset reads the editions of a collection, and a headline stands in for a missing text.
        publication: of collections that name none.
        header: of files whose first line has no names.
        quotes: what a quote at the beginning of a cell means.
    """

    columns: Mapping[str, Sequence[str]]
    publication: str | None = None
    header: Sequence[str] = field(default_factory=tuple)
    quotes: str | None = None


PRESETS = {
    "ag-news": Preset(
        {"content": ("description", "Description", "text"), "title": ("title", "Title")},
        publication="AG News",
        header=("class", "title", "description"),
        quotes="csv",
    ),
    "all-the-news-1": Preset({"published_at": ("date",)}, quotes="csv"),
    "all-the-news-2": Preset({"content": ("article",), "published_at": ("date",)}, quotes="csv"),
    "bbc": Preset(
        {
            "content": ("content", "text", "Text", "description"),
            "id": ("ArticleId",),
            "url": ("link",),
            "published_at": ("published_date", "pubDate"),
        },
        publication="BBC News",
    ),
    "cc-news": Preset(
        {
            "content": ("maintext", "text", "plain_text"),
            "publication": ("source_domain", "domain", "sitename"),
            "published_at": ("date_publish", "date", "published_date"),
            "url": ("url", "requested_url"),
        },
    ),
    "huffpost": Preset(
        {
            "content": ("short_description", "headline"),
            "title": ("headline",),
            "url": ("link",),
            "published_at": ("date",),
        },
        publication="HuffPost",
    ),
    "mind": Preset(
        {"id": ("news_id",), "content": ("abstract", "title")},
        publication="Microsoft News",
        header=(
            *("news_id", "category", "subcategory", "title", "abstract", "url"),
            *("title_entities", "abstract_entities"),
        ),
        quotes="none",
    ),
    "signal-1m": Preset({"publication": ("source",), "published_at": ("published",)}),
}
