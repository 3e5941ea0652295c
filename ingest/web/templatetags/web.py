"""How pages write numbers, days, labels and addresses."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.http import HttpRequest

register = template.Library()

# Families and spaCy's labels, as people call them; others are shown as they are.
LABELS = {
    "PLACE": "Places",
    "GROUP": "Organisations and groups",
    "WORK": "Works and events",
    "PERSON": "People",
    "ORG": "Organisations",
    "GPE": "Countries and cities",
    "LOC": "Regions",
    "FAC": "Buildings",
    "NORP": "Groups",
    "EVENT": "Events",
    "WORK_OF_ART": "Works",
    "PRODUCT": "Products",
    "LAW": "Laws",
    "LANGUAGE": "Languages",
}


@register.filter
def label_name(label: str) -> str:
    """Return what people call a label or a family."""
    return LABELS.get(label, label)


@register.filter
def grouped(number: int | None) -> str:
    """Write a number with a narrow space between its thousands."""
    return "" if number is None else f"{number:,}".replace(",", "\u202f")


@register.filter
def percent(share: float | None) -> str:
    """Write a share in percent; a small one is not rounded to nothing."""
    if share is None:
        return "\u2013"
    return f"{share:.0%}" if share >= 0.095 or share == 0 else f"{share:.1%}"


@register.filter
def percent_of(part: int, whole: int) -> str:
    """Return a part as percent of the whole, as a number that SVG understands."""
    return f"{100 * part / whole:.1f}" if whole else "0"


@register.filter
def beyond(rows: Sequence[Any], shown: str) -> int:
    """Return how many rows are left beyond those that a slice shows."""
    return max(0, len(rows) - int(shown.lstrip(":")))


@register.filter
def size_class(mentions: int, most: int) -> str:
    """Return one of nine sizes of a word, by the square root of how often it is mentioned."""
    return f"size-{max(1, round(9 * (mentions / most) ** 0.5))}" if most else "size-1"


@register.simple_tag(takes_context=True)
def with_query(context: Mapping[str, Any], **changes: Any) -> str:
    """Return this page's query with some of it changed; what is set to nothing is left out."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}"
