"""Template filters and tags that format numbers, labels and query strings."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.http import HttpRequest

from ingest.analytics.table_formats import FORMATS
from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.kind_names import kind_name
from ingest.core.messages import Entity
from ingest.core.posts import is_web_address

register = template.Library()


@register.filter
def label_name(label: str) -> str:
    """Return the plain name of a label or a family."""
    return kind_name(label)


@register.filter
def counted_id(entity: Entity) -> str:
    """Return the id that an entity of a post counts under."""
    return entity_id(*name_of(entity))


@register.filter
def web_address(url: str | None) -> str:
    """Return a URL that a page may link to, or "". Older posts may have any text as their URL."""
    return url if url and is_web_address(url) else ""


@register.filter
def grouped(number: int | None) -> str:
    """Format a number with narrow spaces between its thousands."""
    return "" if number is None else f"{number:,}".replace(",", "\u202f")


@register.filter
def percent(share: float | None) -> str:
    """Format a share in percent, with a decimal if it is small."""
    if share is None:
        return "\u2013"
    return f"{share:.0%}" if share >= 0.095 or share == 0 else f"{share:.1%}"


@register.filter
def percent_of(part: int, whole: int) -> str:
    """Return a part in percent of the whole, as a number for SVG."""
    return f"{100 * part / whole:.1f}" if whole else "0"


@register.filter
def item(values: Mapping[str, Any] | None, key: str) -> Any:
    """Return the value of a key, or nothing."""
    return (values or {}).get(key, "")


@register.inclusion_tag("web/_exports.html", takes_context=True)
def exports(context: Mapping[str, Any], what: str, path: str = "") -> dict[str, Any]:
    """Show the links to download what a page shows; its address is the page's own one."""
    request: HttpRequest = context["request"]
    return {"request": request, "what": what, "path": path or request.path, "formats": FORMATS}


@register.filter
def export_name(format_: str) -> str:
    """Return the name of a file format."""
    return {"parquet": "Parquet"}.get(format_, format_.upper())


@register.filter
def beyond(rows: Sequence[Any], shown: str) -> int:
    """Return how many rows a slice leaves out."""
    return max(0, len(rows) - int(shown.lstrip(":")))


@register.filter
def size_class(mentions: int, max_mentions: int) -> str:
    """Return the CSS class of a word: one of nine sizes, by the square root of its mentions."""
    if not max_mentions:
        return "size-1"
    return f"size-{max(1, round(9 * (mentions / max_mentions) ** 0.5))}"


@register.simple_tag(takes_context=True)
def with_query(context: Mapping[str, Any], **changes: Any) -> str:
    """Return this page's query string with changes. An empty value removes its parameter."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}"
