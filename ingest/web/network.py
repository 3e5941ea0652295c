"""The picture of a small network: a name in the middle, and its companions around it."""

import math
from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

from ingest.analytics.mentioned_with import Companion, MentionedWith

# Sizes are in units of the picture, which scales with the page.
WIDTH, HEIGHT = 560, 420
NEAR, FAR = 50, 110  # from the middle to a companion: at the ends of a side, and halfway
MAX_CHARACTERS = 18
LINKS = 40  # more of them hide each other


def draw_network(found: MentionedWith) -> SafeString:
    """Draw the companions on two sides, each tied to the name and to the others it is with."""
    title = f"Names mentioned with {found.entity.text}"
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "class": "network",
            "role": "img",
            "aria-label": title,
        },
    )
    companions = sorted(found.network, key=lambda c: (c.entity.family, -c.together))
    places = {c.entity.id: _place(i, len(companions)) for i, c in enumerate(companions)}
    most = max((c.together for c in companions), default=1)
    for link in found.links[:LINKS]:
        _line(root, places[link.first], places[link.second], link.posts / most, "link")
    for companion in companions:
        _line(root, _CENTRE, places[companion.entity.id], companion.together / most, "tie")
    for companion in companions:
        _name(root, companion, places[companion.entity.id], most)
    _text(root, found.entity.text, _CENTRE, "middle", "centre")
    # It is safe, because ElementTree escapes all text in it.
    return mark_safe(tostring(root, encoding="unicode"))  # noqa: S308


Place = tuple[float, float]
_CENTRE: Place = (WIDTH / 2, HEIGHT / 2)


def _place(number: int, of: int) -> Place:
    """Return a place on the left side, then on the right; each name has a line of its own."""
    rows = math.ceil(of / 2)
    row, side = (number, -1) if number < rows else (number - rows, 1)
    height = (row + 0.5) / rows  # from 0 to 1
    bulge = math.sqrt(1 - (2 * height - 1) ** 2)
    return WIDTH / 2 + side * (NEAR + (FAR - NEAR) * bulge), HEIGHT * height


def _line(root: Element, start: Place, end: Place, weight: float, kind: str) -> None:
    points = zip(("x1", "y1", "x2", "y2"), (*start, *end), strict=True)
    own = {name: f"{value:.1f}" for name, value in points}
    width = f"{0.6 + 4 * weight:.1f}"
    SubElement(root, "line", {**own, "class": kind, "stroke-width": width})


def _name(root: Element, companion: Companion, place: Place, most: int) -> None:
    x, y = place
    group = SubElement(root, "g", {"class": f"label-{slugify(companion.entity.label)}"})
    SubElement(group, "title").text = f"{companion.entity.text}: {companion.together} posts"
    radius = f"{4 + 7 * math.sqrt(companion.together / most):.1f}"
    SubElement(group, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": radius})
    side = 1 if x > _CENTRE[0] else -1
    anchor = "start" if side > 0 else "end"
    _text(group, companion.entity.text, (x + side * 14, y), anchor, "companion")


def _text(root: Element, text: str, place: Place, anchor: str, kind: str) -> None:
    short = text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
    own = {"x": f"{place[0]:.1f}", "y": f"{place[1] + 5:.1f}", "text-anchor": anchor}
    SubElement(root, "text", {**own, "class": kind}).text = short
