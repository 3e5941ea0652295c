"""The view of each page."""

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from pydantic import ValidationError

from ingest.analytics.comparison import COMPARED_ENTITIES, compare
from ingest.analytics.entity_list import EntityList, EntityQuery, PageToken, list_entities
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.export import ExportFormat, export
from ingest.analytics.snippets import Snippet, find_snippet
from ingest.analytics.summaries import Summary, read_summary
from ingest.core.messages import PostEntities
from ingest.core.validation import field_errors
from ingest.store import open_store
from ingest.store.base import PostCursor, Publication
from ingest.web import charts
from ingest.web.decorators import page
from ingest.web.templatetags.web import label_name

MAX_CARDS = 24  # publications on the front page
CARD_CLOUD_SIZE = 18  # entities in a card's word cloud
CARD_ENTITIES = 5  # entities in a card's table
TABLE_ROWS = 25  # entities on a page of the table
MAX_POSTS = 10  # posts on a page of an entity's posts
MAX_CHOICES = 500  # publications in a form to choose from
COMPARED_ROWS = 30  # entities in each column of a comparison

FILTERS = ("family", "prefix", "since", "until")


@page
def front(request: HttpRequest) -> HttpResponseBase:
    """Show a card for each publication."""
    after = request.GET.get("after")
    found = open_store().publications(limit=MAX_CARDS + 1, after=after)
    cards = [_card(publication) for publication in found[:MAX_CARDS]]
    next_after = found[MAX_CARDS - 1].name if len(found) > MAX_CARDS else None
    context = {"cards": cards, "after": after, "next_after": next_after}
    return render(request, "web/front.html", context)


def _card(publication: Publication) -> dict[str, Any]:
    summary = read_summary(publication)
    return {
        "publication": publication,
        "summary": summary,
        "top": summary.words[:CARD_ENTITIES] if summary else (),
        "words": _cloud(summary, CARD_CLOUD_SIZE) if summary else (),
        "max_mentions": _max_mentions(summary),
        "sparkline": charts.sparkline(publication.days, what="Posts"),
    }


def _cloud(summary: Summary, size: int) -> list[Any]:
    """Return the words of a cloud in alphabetical order, which mixes their sizes."""
    return sorted(summary.words[:size], key=lambda word: word.text.casefold())


def _max_mentions(summary: Summary | None) -> int:
    return summary.words[0].mentions if summary and summary.words else 0


@page
def publication(request: HttpRequest, pub_id: str) -> HttpResponseBase:
    """Show what a publication mentions, with filters."""
    found = _publication(pub_id)
    summary = read_summary(found)
    query, errors = _query(request)
    entities = list_entities(open_store(), found, query)
    context = {
        "publication": found,
        "summary": summary,
        "words": _cloud(summary, len(summary.words)) if summary else (),
        "max_mentions": _max_mentions(summary),
        "days": charts.in_steps(found.days),
        "trend": charts.by_day(found.days, what="Posts"),
        "bars": _bars(summary) if summary else "",
        "entities": entities,
        "rows": _rows(entities),
        "errors": errors,
        "filters": {name: request.GET.get(name, "") for name in FILTERS},
        "filtered": any(request.GET.get(name) for name in FILTERS),
    }
    return render(request, "web/publication.html", context)


def _publication(pub_id: str) -> Publication:
    found = open_store().publication_by_id(pub_id)
    if found is None:
        raise Http404
    return found


def _query(request: HttpRequest) -> tuple[EntityQuery, dict[str, str]]:
    """Read the filters. If one is not valid, return its errors and a query without filters."""
    names = (*FILTERS, "cursor")
    parameters = {n: v for n in names if (v := request.GET.get(n, "").strip())}
    try:
        return EntityQuery(limit=TABLE_ROWS, **parameters), {}
    except ValidationError as error:
        errors = {e["pointer"].strip("/"): e["detail"] for e in field_errors(error)}
        return EntityQuery(limit=TABLE_ROWS), errors


def _bars(summary: Summary) -> str:
    sums = [(label_name(s.family), s.mentions) for s in summary.families]
    return charts.by_family(sums, what="Mentions")


def _rows(entities: EntityList) -> list[dict[str, Any]]:
    return [{"entity": entity, "share": entities.share(entity)} for entity in entities.entities]


@page
def entities_export(request: HttpRequest, pub_id: str, format_: ExportFormat) -> HttpResponseBase:
    """Download all entities of a publication that match the filters."""
    query, errors = _query(request)
    if errors:
        return render(request, "400.html", {"errors": errors}, status=HTTPStatus.BAD_REQUEST)
    return export(open_store(), _publication(pub_id), query, format_)


@page
def entity(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Show an entity's counts, its publications, and the posts that mention it."""
    overview = read_entity_overview(
        open_store(), entity_id, publication_id=request.GET.get("publication")
    )
    if overview is None:
        raise Http404
    narrowed_to = overview.narrowed_to
    posts, next_cursor = _posts(request, entity_id, narrowed_to.name if narrowed_to else None)
    context = {
        "entity": overview.entity,
        "overview": overview,
        "days": charts.in_steps(overview.days),
        "trend": charts.by_day(overview.days, what="Mentions"),
        "posts": posts,
        "next_cursor": next_cursor,
    }
    return render(request, "web/entity.html", context)


def _posts(
    request: HttpRequest, entity_id: str, name: str | None
) -> tuple[list[tuple[PostEntities, Snippet | None]], str | None]:
    try:
        token = PageToken.read(request.GET["cursor"]) if request.GET.get("cursor") else None
    except ValueError as error:
        raise Http404 from error
    after = PostCursor(str(token.value), token.id) if token else None
    found = open_store().posts_mentioning(entity_id, name=name, limit=MAX_POSTS + 1, after=after)
    last = found[MAX_POSTS - 1] if len(found) > MAX_POSTS else None
    next_cursor = PageToken(value=last.day.isoformat(), id=last.post_id).sign() if last else None
    return [(post, find_snippet(post, entity_id)) for post in found[:MAX_POSTS]], next_cursor


@page
def comparison(request: HttpRequest) -> HttpResponseBase:
    """Show two publications side by side."""
    store = open_store()
    names = [(p.id, p.name) for p in store.publications(limit=MAX_CHOICES)]
    chosen = [request.GET.get(side, "") for side in ("first", "second")]
    context: dict[str, Any] = {"names": names, "chosen": chosen, "compared": COMPARED_ENTITIES}
    if all(chosen):
        first, second = map(_publication, chosen)
        found = compare(store, first, second)
        context |= {"found": found, "rows": f":{COMPARED_ROWS}"}
    return render(request, "web/compare.html", context)
