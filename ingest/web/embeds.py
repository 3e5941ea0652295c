"""Charts that other sites show: a page for an `<iframe>`, and the chart alone as SVG."""

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, get_args

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.clickjacking import xframe_options_exempt

from ingest.analytics.comparison import share_lines
from ingest.analytics.comparison_query import NotComparable, read_comparison
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.tables import source_line
from ingest.analytics.time_axis import ChosenStep, axis_of
from ingest.core.day_window import EVERY_DAY
from ingest.operations.permalinks import present_id
from ingest.operations.rule_versions import known_rules
from ingest.web import charts
from ingest.web.comparisons import read_page_query
from ingest.web.decorators import page, reader_of

# Any site may show these pages; they load nothing but their style.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors *; base-uri 'none'"
# A chart alone carries its own style. It has no script, and all of its text is escaped.
SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *"

MAX_AGE_SECONDS = 300

Picture = tuple[str, SafeString, str]  # title, chart, source line
Reader = Callable[..., Picture]


def embed(read: Reader) -> Callable[..., HttpResponseBase]:
    """Answer with a chart as a page or as SVG, where pages are public; else with 404."""

    @xframe_options_exempt
    @page
    @wraps(read)
    def view(request: HttpRequest, *, as_svg: bool, **kwargs: Any) -> HttpResponseBase:
        if settings.PAGES != "public":
            raise Http404
        title, chart, source = read(request, **kwargs)
        response: HttpResponseBase
        if as_svg:
            svg = charts.standalone(chart, source)
            response = HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")
        else:
            context = {"title": title, "chart": chart, "source": source}
            response = render(request, "web/embed.html", context, status=HTTPStatus.OK)
        response["Content-Security-Policy"] = SVG_POLICY if as_svg else POLICY
        response["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
        return response

    return view


@embed
def publication_days(request: HttpRequest, pub_id: str) -> Picture:
    """Draw the posts of a publication by day."""
    found = reader_of(request).publication_by_id(pub_id)
    if found is None:
        raise Http404
    title = f"Posts of {found.name} over time"
    source = source_line(
        title, posts=found.posts, since=found.first_day, until=found.last_day, at=_home(request)
    )
    return title, _bars(request, found.days, "Posts"), source


@embed
def entity_days(request: HttpRequest, entity_id: str) -> Picture:
    """Draw the mentions of a name by day."""
    own = request.GET.get("publication")
    store = reader_of(request)
    overview = read_entity_overview(store, present_id(store, entity_id), publication_id=own)
    if overview is None:
        raise Http404
    where = f" in {overview.narrowed_to.name}" if overview.narrowed_to else ""
    title = f"Mentions of {overview.entity.text}{where} over time"
    first, last = min(overview.days, default=None), max(overview.days, default=None)
    source = source_line(title, posts=overview.of_posts, since=first, until=last, at=_home(request))
    return title, _bars(request, overview.days, "Mentions"), source


@embed
def comparison(request: HttpRequest) -> Picture:
    """Draw the share of posts that mention the first name of a comparison."""
    query, _ = read_page_query(request.GET)
    successors = known_rules().successors
    try:
        found = read_comparison(reader_of(request), query, successors) if query else None
    except NotComparable as error:
        raise Http404 from error
    lines = share_lines(found, found.rows[:1], query.step) if found and query else []
    if not found or not lines:
        raise Http404
    titles = [side.title for side in found.sides]
    title = f"Share of posts that mention {lines[0].entity.text} by {lines[0].step}"
    days = [day for side in found.sides for day in side.days]
    posts = sum(side.posts for side in found.sides)
    source = source_line(title, posts=posts, since=min(days), until=max(days), at=_home(request))
    return title, charts.share_lines(lines[0], titles, legend=True), source


def _bars(request: HttpRequest, days: Mapping[str, int], what: str) -> SafeString:
    step = request.GET.get("step")
    chosen = next((each for each in get_args(ChosenStep) if each == step), None)
    axis = axis_of(days, EVERY_DAY, chosen)
    if axis is None:
        raise Http404
    return charts.by_step(axis, days, what=what)


def _home(request: HttpRequest) -> str:
    return request.build_absolute_uri("/")
