"""Charts as SVG, drawn by pygal, without its scripts and styles and with titles of our own."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from textwrap import wrap
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, register_namespace, tostring

import pygal
from django.utils.safestring import SafeString, mark_safe
from pygal.etree import etree
from pygal.style import Style

from ingest.analytics.comparison import ShareLines
from ingest.analytics.time_axis import TimeAxis

# pygal would take lxml's elements where lxml is installed.
etree.to_etree()

# How much of the first day of a step names it.
LABEL_CHARACTERS = {"month": len("2026-05"), "year": len("2026"), "century": len("2000")}
# More days below an axis would run into each other on a phone.
MAX_LABELS = 3
# A sparkline is too small to show more points.
MAX_POINTS = 54
# Fewer bars would be too wide, so the rest of the chart stays empty.
MIN_BARS = 14

SVG = "{http://www.w3.org/2000/svg}"
register_namespace("", SVG.strip("{}"))

# pages.css sets the colours. Sizes are in units of the picture, which scales with the page.
STYLE = Style(label_font_size=14, major_label_font_size=14, font_family="sans-serif")

COMMON_OPTIONS: dict[str, Any] = {
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


def by_step(axis: TimeAxis, days: Mapping[str, int], *, what: str) -> SafeString:
    """Draw a bar for each step of an axis."""
    return _by_step(axis, tuple(days.items()), what)


@lru_cache(maxsize=256)
def _by_step(axis: TimeAxis, days: tuple[tuple[str, int], ...], what: str) -> SafeString:
    bars = labelled(axis, dict(days))
    chart = pygal.Bar(
        **COMMON_OPTIONS,
        width=360,
        height=150,
        spacing=0,
        rounded_bars=1,
        show_minor_x_labels=False,
        x_labels_major_every=max(1, math.ceil(max(len(bars), MIN_BARS) / MAX_LABELS)),
        value_formatter=_format_integer,
        range=(0, max(bars.values(), default=1)),
    )
    empty = MIN_BARS - len(bars)
    chart.x_labels = [*bars, *[""] * empty]
    chart.add(what, [*bars.values(), *[None] * empty])
    return _render(chart, f"{what} by {axis.step}")


def labelled(axis: TimeAxis, days: Mapping[str, int]) -> dict[str, int]:
    """Return the sum of each step by its name: a day, a week's Monday, a month or a year."""
    characters = LABEL_CHARACTERS.get(axis.step, len("2026-05-04"))
    return {start[:characters]: total for start, total in axis.sums(days).items()}


def by_family(sums: Sequence[tuple[str, int]], *, what: str) -> SafeString:
    """Draw a bar for each family, the largest on top."""
    return _by_family(tuple(sums), what)


@lru_cache(maxsize=256)
def _by_family(sums: tuple[tuple[str, int], ...], what: str) -> SafeString:
    chart = pygal.HorizontalBar(
        **COMMON_OPTIONS,
        width=360,
        height=30 + 26 * len(sums),
        margin_left=24,
        spacing=8,
        rounded_bars=2,
        value_formatter=_format_integer,
    )
    chart.x_labels = [name for name, _ in reversed(sums)]
    chart.add(what, [count for _, count in reversed(sums)])
    return _render(chart, f"{what} by family")


def sparkline(axis: TimeAxis, days: Mapping[str, int], *, what: str) -> SafeString:
    """Draw a small line of the counts of each step, without axes."""
    return _sparkline(axis, tuple(days.items()), what)


@lru_cache(maxsize=256)
def _sparkline(axis: TimeAxis, days: tuple[tuple[str, int], ...], what: str) -> SafeString:
    counts = list(axis.sums(dict(days)).values())
    counts *= 2 if len(counts) == 1 else 1  # a line needs two points
    chart = pygal.Line(
        **{**COMMON_OPTIONS, "margin": 2},
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
    # The line stretches to the width of its card.
    chart.add_xml_filter(lambda root: root.set("preserveAspectRatio", "none") or root)
    return _render(chart, f"{what} by {axis.step}")


def share_lines(found: ShareLines, titles: Sequence[str], *, legend: bool = False) -> SafeString:
    """Draw a line for each side: the share of its posts that mention an entity, by step."""
    title = f"Share of posts that mention {found.entity.text} by {found.step}"
    return _share_lines(found.starts, found.lines, tuple(titles), title, legend)


@lru_cache(maxsize=256)
def _share_lines(
    starts: tuple[str, ...],
    lines: tuple[tuple[float | None, ...], ...],
    names: tuple[str, ...],
    title: str,
    legend: bool,
) -> SafeString:
    shares = [share for line in lines for share in line if share is not None]
    chart = pygal.Line(
        **{**COMMON_OPTIONS, "show_legend": legend},
        width=360,
        height=170,
        legend_at_bottom=True,
        dots_size=1.4,
        allow_interruptions=True,
        show_minor_x_labels=False,
        x_labels_major_every=max(1, math.ceil(len(starts) / MAX_LABELS)),
        value_formatter=_format_share,
        range=(0, max(shares, default=0) or 1),
    )
    chart.x_labels = starts
    for name, line in zip(names, lines, strict=True):
        chart.add(name, list(line) * (2 if len(starts) == 1 else 1))  # a line needs two points
    return _render(chart, title)


def _format_share(value: float) -> str:
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"


SVG_STYLE = """
text { font: 11px sans-serif; fill: #625b52; } .guide.line { stroke: #e2dcd2; fill: none; }
.axis.x text:not(.major) { display: none; } .axis.y text { text-anchor: end; }
.axis.x text { text-anchor: middle; } .axis.line { stroke: #625b52; } .rect { fill: #8a2f1d; }
.axis.x .guide.line { display: none; } .series .line { fill: none; stroke-width: 1.4; }
.color-0 { --side: #8a2f1d; } .color-1 { --side: #1f5673; } .color-2 { --side: #3c6430; }
.color-3 { --side: #6b3f86; } .color-4 { --side: #8b5a00; } .color-5 { --side: #5d5a55; }
.series .line { stroke: var(--side, #5d5a55); } .dot { fill: var(--side, #5d5a55); }
.legend rect { fill: var(--side, #5d5a55); } .source { font-size: 8px; }
"""


def standalone(chart: str, source: str) -> str:
    """Return a chart as a picture of its own, with its style and its source line below."""
    root = fromstring(chart)  # noqa: S314  # our own text
    x, y, width, height = (float(number) for number in root.attrib["viewBox"].split())
    lines = wrap(source, width=int(width / 4.2))
    root.set("viewBox", f"{x:g} {y:g} {width:g} {height + 11 * len(lines) + 6:g}")
    style = Element(f"{SVG}style")
    style.text = SVG_STYLE
    root.insert(0, style)
    root.insert(1, Element(f"{SVG}rect", {"width": "100%", "height": "100%", "fill": "#fff"}))
    for number, line in enumerate(lines):
        place = {"x": "4", "y": f"{height + 10 + 11 * number:g}", "class": "source"}
        SubElement(root, f"{SVG}text", place).text = line
    return tostring(root, encoding="unicode")


def _format_integer(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else ""


def _render(chart: Any, title: str) -> SafeString:
    """Return the chart's SVG. It is safe, because ElementTree escapes all text in it."""
    chart.add_xml_filter(lambda root: _clean(root, title))
    svg: str = chart.render(is_unicode=True)
    return mark_safe(svg)  # noqa: S308


def _clean(root: Element, title: str) -> Element:
    """Remove scripts, styles and comments, and label the chart for screen readers."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or _is_unneeded(child):
                parent.remove(child)
        parent.attrib.pop("style", None)
        _add_title(parent)
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", title)
    return root


def _is_unneeded(element: Element) -> bool:
    tag = element.tag.removeprefix(SVG)
    overlay = "overlay" in element.get("class", "")
    return tag in ("defs", "title") or overlay or "background" in element.get("class", "")


def _add_title(element: Element) -> None:
    """Show a bar's number as its tooltip."""
    descriptions = [child for child in element if child.tag.removeprefix(SVG) == "desc"]
    texts = {description.get("class"): description.text for description in descriptions}
    for description in descriptions:
        element.remove(description)
    if "value" in texts:
        title = SubElement(element, "title")
        title.text = f"{texts.get('x_label') or ''}: {texts['value']}".removeprefix(": ")
