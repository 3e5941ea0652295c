"""The view of each page."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from pydantic import ValidationError

from ingest.analytics.entity_list import EntityList, EntityQuery, list_entities
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.export import export
from ingest.analytics.name_search import NameQuery, search_names
from ingest.analytics.post_list import PostSource, list_posts
from ingest.analytics.snippets import find_snippet
from ingest.analytics.summaries import (
    WINDOW_NAMES,
    Summary,
    read_summary,
    summarise_window,
)
from ingest.analytics.table_formats import ExportFormat, FormatUnavailable
from ingest.analytics.time_axis import STEPS, TimeAxis, axis_of
from ingest.analytics.trends import LEAST_POSTS, TrendQuery, read_trends
from ingest.core.day_window import DayWindow, move_day
from ingest.core.entity_names import FAMILIES
from ingest.core.problem_types import ProblemType
from ingest.core.validation import errors_by_field
from ingest.operations import corrections
from ingest.operations.rule_versions import known_rules
from ingest.store.base import Order, Publication
from ingest.web import charts
from ingest.web.decorators import download, page, reader_of
from ingest.web.feed_links import feed_link
from ingest.web.posts import post_filters, read_post_query
from ingest.web.responses import moved
from ingest.web.templatetags.web import label_name
from ingest.web.watches import form_of_entity, form_of_publication

MAX_CARDS = 24  # publications on the front page
CARD_CLOUD_SIZE = 18  # entities in a card's word cloud
CARD_ENTITIES = 5  # entities in a card's table
TABLE_ROWS = 25  # entities on a page of the table
MAX_POSTS = 10  # posts on a page of an entity's posts
FOUND_NAMES = 50  # on the page of a search

SPANS = (7, 30, 90)  # days that a button shows, up to the last day

FILTERS = ("family", "prefix", "since", "until", "order")
LIST_PARAMETERS = (*FILTERS, "cursor")


@require_safe
def problem(request: HttpRequest, name: str) -> HttpResponseBase:
    """Say what a problem of the API means; its address is in the answers, so it needs no login."""
    if name not in set(ProblemType):
        raise Http404
    return render(request, "web/problem.html", {"type": ProblemType(name)})


@page
def front(request: HttpRequest) -> HttpResponseBase:
    """Show a card for each publication."""
    after, order = request.GET.get("after"), _order(request)
    found = reader_of(request).publications(limit=MAX_CARDS + 1, after=after)
    shown = found[:MAX_CARDS]
    axis = _shared_axis(shown)
    context = {
        "cards": [_card(publication, axis, order) for publication in shown],
        "axis": axis,
        "after": after,
        "next_after": found[MAX_CARDS - 1].name if len(found) > MAX_CARDS else None,
        "order": order,
    }
    return render(request, "web/front.html", context)


def _order(request: HttpRequest) -> Order:
    return "posts" if request.GET.get("order") == "posts" else "mentions"


def _shared_axis(publications: Sequence[Publication]) -> TimeAxis | None:
    """Return the axis of the lines of all cards, so that they can be compared."""
    ends = [day for p in publications for day in (p.first_day, p.last_day) if day]
    return TimeAxis.of(min(ends), max(ends), most=charts.MAX_POINTS) if ends else None


def _card(publication: Publication, axis: TimeAxis | None, order: Order) -> dict[str, Any]:
    summary = read_summary(publication)
    words = _words(summary, order)
    return {
        "publication": publication,
        "summary": summary,
        "top": words[:CARD_ENTITIES],
        "words": _cloud(words[:CARD_CLOUD_SIZE]),
        "most": words[0]["total"] if words else 0,
        "sparkline": charts.sparkline(axis, publication.days, what="Posts") if axis else "",
    }


def _words(summary: Summary | None, order: Order) -> list[dict[str, Any]]:
    """Return the words of a summary, each with the total that it is sized by."""
    words = summary.words_by(order) if summary else ()
    return [{**word.model_dump(), "total": getattr(word, order)} for word in words]


def _cloud(words: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return words in alphabetical order, which mixes their sizes."""
    return sorted(words, key=lambda word: str(word["text"]).casefold())


@page
def publication(request: HttpRequest, pub_id: str) -> HttpResponseBase:
    """Show what a publication mentions, with filters."""
    found = _publication(request, pub_id)
    query, errors = _query(request)
    summary = read_summary(found)
    trends = summary.trends if summary else None
    if query.window:
        summary = summarise_window(reader_of(request), found, query.window, query.order)
    entities = list_entities(reader_of(request), found, query)
    words = _words(summary, query.order)
    context = {
        "publication": found,
        "feed": feed_link(request, "publication_feed", pub_id),
        "watch_form": form_of_publication() if request.user.is_authenticated else None,
        "summary": summary,
        "trends": trends,
        "window_names": WINDOW_NAMES,
        "words": _cloud(words),
        "most": words[0]["total"] if words else 0,
        **_days(request, found.days, query.window, found.days, what="Posts"),
        "bars": _bars(summary) if summary else "",
        "entities": entities,
        "rows": _rows(entities),
        "errors": errors,
        "filters": {name: request.GET.get(name, "") for name in FILTERS},
        "filtered": any(request.GET.get(name) for name in FILTERS),
    }
    return render(request, "web/publication.html", context)


def _days(
    request: HttpRequest,
    all_days: Mapping[str, int],
    window: DayWindow,
    counts: Mapping[str, int],
    *,
    what: str,
) -> dict[str, Any]:
    """Return the chart of counts within a window, and the choice of its days and its step."""
    chosen = next((step for step in STEPS if step == request.GET.get("step")), None)
    axis = axis_of(all_days, window, chosen)
    last = max(all_days, default=None)
    return {
        "axis": axis,
        "window": window,
        "steps": charts.labelled(axis, counts) if axis else {},
        "chart": charts.by_step(axis, counts, what=what) if axis else "",
        "counted": what,
        "spans": [(days, move_day(last, 1 - days), last) for days in SPANS] if last else [],
    }


def _publication(request: HttpRequest, pub_id: str) -> Publication:
    found = reader_of(request).publication_by_id(pub_id)
    if found is None:
        raise Http404
    return found


def _query(
    request: HttpRequest, names: Sequence[str] = LIST_PARAMETERS
) -> tuple[EntityQuery, dict[str, str]]:
    """Read the filters. If one is not valid, return its errors and a query without filters."""
    parameters: dict[str, Any] = {n: v for n in names if (v := request.GET.get(n, "").strip())}
    try:
        return EntityQuery(limit=TABLE_ROWS, **parameters), {}
    except ValidationError as error:
        return EntityQuery(limit=TABLE_ROWS), errors_by_field(error)


def _bars(summary: Summary) -> str:
    sums = [(label_name(s.family), s.mentions) for s in summary.families]
    return charts.by_family(sums, what="Mentions")


def _rows(entities: EntityList) -> list[dict[str, Any]]:
    return [{"entity": entity, "share": entities.share(entity)} for entity in entities.entities]


@download
def entities_export(request: HttpRequest, pub_id: str, format_: ExportFormat) -> HttpResponseBase:
    """Download all entities of a publication that match the filters."""
    query, errors = _query(request)
    if errors:
        return render(request, "400.html", {"errors": errors}, status=HTTPStatus.BAD_REQUEST)
    try:
        return export(reader_of(request), _publication(request, pub_id), query, format_)
    except FormatUnavailable as error:
        errors = {"format": str(error)}
        return render(request, "400.html", {"errors": errors}, status=HTTPStatus.BAD_REQUEST)


@page
def trends(request: HttpRequest, pub_id: str) -> HttpResponseBase:
    """Show what rises and falls in a publication."""
    found = _publication(request, pub_id)
    names = ("since", "until", "baseline", "family")
    parameters: dict[str, Any] = {n: v for n in names if (v := request.GET.get(n, "").strip())}
    errors: dict[str, str] = {}
    try:
        query = TrendQuery(limit=TABLE_ROWS, **parameters)
    except ValidationError as error:
        query, errors = TrendQuery(limit=TABLE_ROWS), errors_by_field(error)
    context = {
        "publication": found,
        "trends": read_trends(reader_of(request), found, query),
        "least_posts": LEAST_POSTS,
        "filters": parameters,
        "families": sorted(FAMILIES),
        "errors": errors,
    }
    return render(request, "web/trends.html", context)


@page
def entity(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Show an entity's counts, its publications, and the posts that mention it."""
    query, errors = _query(request, ("since", "until", "order"))
    overview = read_entity_overview(
        reader_of(request),
        entity_id,
        publication_id=request.GET.get("publication"),
        window=query.window,
        order=query.order,
    )
    if overview is None:
        return moved(request, "web:entity", entity_id)
    by_posts = query.order == "posts"
    post_query, post_errors = read_post_query(request, limit=MAX_POSTS)
    found = list_posts(PostSource(reader_of(request), overview.narrowed_to, entity_id), post_query)
    rules = known_rules()
    context = {
        "entity": overview.entity,
        "overview": overview,
        "feed": feed_link(
            request,
            "entity_feed",
            entity_id,
            publication=overview.narrowed_to.id if overview.narrowed_to else None,
        ),
        "watch_form": form_of_entity(overview) if request.user.is_authenticated else None,
        "order": query.order,
        "errors": errors,
        **_days(
            request,
            overview.all_days,
            query.window,
            overview.post_days if by_posts else overview.days,
            what="Posts" if by_posts else "Mentions",
        ),
        "found": found,
        "posts": [(post, find_snippet(post, entity_id, rules)) for post in found.posts],
        **post_filters(request, post_query, {} if errors else post_errors),
        # Read only if the page is an editor's.
        "corrections": lambda: corrections.corrections_of(
            (overview.entity.family, overview.entity.key)
        ),
    }
    return render(request, "web/entity.html", context)


@page
def search(request: HttpRequest) -> HttpResponseBase:
    """Find names in any publication."""
    names = ("q", "family", "order")
    parameters: dict[str, Any] = {n: v for n in names if (v := request.GET.get(n, "").strip())}
    context: dict[str, Any] = {"filters": parameters, "families": sorted(FAMILIES)}
    try:
        query = NameQuery(limit=FOUND_NAMES, **parameters) if "q" in parameters else None
    except ValidationError as error:
        context["errors"] = errors_by_field(error)
    else:
        context["found"] = search_names(reader_of(request), query) if query else None
        context["feed"] = feed_link(request, "search_feed", **parameters) if query else None
    return render(request, "web/search.html", context)
