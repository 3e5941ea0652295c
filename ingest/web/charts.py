"""Numbers as SVG, drawn by pygal; its script and style go, and a title and our own style come."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pygal
from django.utils.safestring import SafeString, mark_safe
from pygal.style import Style

# More bars than this are too thin to be told apart.
MAX_BARS = 70
# A line as short as a word shows no more turns than this.
MAX_POINTS = 24
# Fewer bars than this would be blocks: the rest of the picture stays empty.
MIN_BARS = 14

SVG = "{http://www.w3.org/2000/svg}"

# The colours are the style sheet's; sizes are in units of the picture, which grows with the page.
STYLE = Style(label_font_size=14, major_label_font_size=14, font_family="sans-serif")

COMMON: dict[str, Any] = {
    "style": STYLE,
    "css": [],
    "js": [],
    "no_prefix": True,
    "disable_xml_declaration": True,
    "show_legend": False,
    "truncate_label": -1,
    "margin": 4,
    "max_scale": 5,
}


def by_day(days: Mapping[str, int], *, what: str) -> SafeString:
    """Draw what counts for each day, or for some days together where there are many."""
    return _by_day(tuple(sorted(days.items())), what)


@lru_cache(maxsize=256)
def _by_day(days: tuple[tuple[str, int], ...], what: str) -> SafeString:
    bars = in_steps(dict(days))
    chart = pygal.Bar(
        **COMMON,
        width=520,
        height=190,
        spacing=0,
        rounded_bars=1,
        show_minor_x_labels=False,
        x_labels_major_every=max(1, math.ceil(max(len(bars), MIN_BARS) / 4)),
        value_formatter=_whole,
        range=(0, max(bars.values(), default=1)),
    )
    empty = MIN_BARS - len(bars)
    chart.x_labels = [*bars, *[""] * empty]
    chart.add(what, [*bars.values(), *[None] * empty])
    return _render(chart, f"{what} by day")


def in_steps(days: Mapping[str, int], *, most: int = MAX_BARS) -> dict[str, int]:
    """Add days up in equal steps, without a gap, so that few enough bars come out."""
    if not days:
        return {}
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    step = math.ceil(((last - first).days + 1) / most)
    starts = range(0, (last - first).days + 1, step)
    bars = dict.fromkeys(((first + timedelta(start)).isoformat() for start in starts), 0)
    for day, count in days.items():
        start = (date.fromisoformat(day) - first).days // step * step
        bars[(first + timedelta(start)).isoformat()] += count
    return bars


def by_family(sums: Sequence[tuple[str, int]], *, what: str) -> SafeString:
    """Draw a bar for each family, the largest on top."""
    return _by_family(tuple(sums), what)


@lru_cache(maxsize=256)
def _by_family(sums: tuple[tuple[str, int], ...], what: str) -> SafeString:
    chart = pygal.HorizontalBar(
        **COMMON,
        width=520,
        height=34 + 28 * len(sums),
        margin_left=24,
        spacing=8,
        rounded_bars=2,
        value_formatter=_whole,
    )
    chart.x_labels = [name for name, _ in reversed(sums)]
    chart.add(what, [count for _, count in reversed(sums)])
    return _render(chart, f"{what} by family")


def sparkline(days: Mapping[str, int], *, what: str) -> SafeString:
    """Draw a line of what counts for each day, without any axis."""
    return _sparkline(tuple(sorted(days.items())), what)


@lru_cache(maxsize=256)
def _sparkline(days: tuple[tuple[str, int], ...], what: str) -> SafeString:
    counts = list(in_steps(dict(days), most=MAX_POINTS).values())
    counts *= 2 if len(counts) == 1 else 1  # one point is no line
    chart = pygal.Line(
        **{**COMMON, "margin": 2},
        width=240,
        height=40,
        fill=True,
        show_dots=False,
        show_x_labels=False,
        show_y_labels=False,
        show_x_guides=False,
        show_y_guides=False,
        range=(0, max(counts, default=1)),
    )
    chart.add(what, counts)
    # It fills whatever line of text it stands in.
    chart.add_xml_filter(lambda root: root.set("preserveAspectRatio", "none") or root)
    return _render(chart, f"{what} by day")


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else ""


def _render(chart: Any, title: str) -> SafeString:
    """Return the chart's SVG, which is safe: ElementTree escapes whatever stands in it."""
    chart.add_xml_filter(lambda root: _tidy(root, title))
    svg: str = chart.render(is_unicode=True)
    return mark_safe(svg)  # noqa: S308


def _tidy(root: Element, title: str) -> Element:
    """Leave out scripts, styles and comments, and say what the picture is."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or _is_ballast(child):
                parent.remove(child)
        parent.attrib.pop("style", None)
        _explain(parent)
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", title)
    return root


def _is_ballast(element: Element) -> bool:
    tag = element.tag.removeprefix(SVG)
    overlay = "overlay" in element.get("class", "")
    return tag in ("defs", "title") or overlay or "background" in element.get("class", "")


def _explain(element: Element) -> None:
    """Say a bar's number where the mouse stands on it."""
    told = {d.get("class"): d.text for d in element if d.tag.removeprefix(SVG) == "desc"}
    for described in [d for d in element if d.tag.removeprefix(SVG) == "desc"]:
        element.remove(described)
    if "value" in told:
        title = SubElement(element, "title")
        title.text = f"{told.get('x_label') or ''}: {told['value']}".removeprefix(": ")
