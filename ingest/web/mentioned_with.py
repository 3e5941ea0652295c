"""The page of the names that are mentioned with a name."""

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from pydantic import ValidationError

from ingest.analytics.mentioned_with import (
    MentionedWith,
    MentionedWithQuery,
    most_mentioning,
    read_mentioned_with,
    to_graphml,
)
from ingest.core.entity_names import FAMILIES
from ingest.core.validation import errors_by_field
from ingest.operations.permalinks import successor_of
from ingest.web.decorators import page, reader_of
from ingest.web.network import draw_network
from ingest.web.templatetags.web import label_name

FILTERS = ("publication", "family", "since", "until", "order")
MAX_PUBLICATIONS = 50  # to choose from


@page
def mentioned_with(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Show whom the newest posts that mention a name mention too."""
    query, errors = read_page_query(request)
    found = read_companions(request, entity_id, query)
    occurrences = reader_of(request).entity_everywhere(found.entity.id, limit=MAX_PUBLICATIONS)
    context: dict[str, Any] = {
        "entity": found.entity,
        "found": found,
        "picture": draw_network(found),
        "query": query,
        "errors": errors,
        "publications": [publication for publication, _ in occurrences],
        "families": [(family, label_name(family)) for family in sorted(FAMILIES)],
        "filters": {name: request.GET.get(name, "") for name in FILTERS},
    }
    return render(request, "web/mentioned_with.html", context)


@page
def graphml(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Download the network as GraphML."""
    query, errors = read_page_query(request)
    if errors:
        return render(request, "400.html", {"errors": errors}, status=HTTPStatus.BAD_REQUEST)
    found = read_companions(request, entity_id, query)
    name = f'attachment; filename="mentioned-with-{entity_id}.graphml"'
    body = to_graphml(found, source=request.build_absolute_uri())
    return HttpResponse(
        body, content_type="application/graphml+xml", headers={"Content-Disposition": name}
    )


def read_page_query(request: HttpRequest) -> tuple[MentionedWithQuery, dict[str, str]]:
    """Read the filters. If one is not valid, return its errors and a query without filters."""
    parameters = {name: value for name in FILTERS if (value := request.GET.get(name, "").strip())}
    try:
        return MentionedWithQuery(**parameters), {}  # type: ignore[arg-type]
    except ValidationError as error:
        errors = errors_by_field(error)
        return MentionedWithQuery(), errors


def read_companions(
    request: HttpRequest, entity_id: str, query: MentionedWithQuery
) -> MentionedWith:
    """Read the companions of a name under its present id, or raise Http404."""
    store, own = reader_of(request), query.publication
    publication = store.publication_by_id(own) if own else most_mentioning(store, entity_id)
    found = read_mentioned_with(store, entity_id, publication, query) if publication else None
    if found is not None:
        return found
    successor = successor_of(entity_id)
    if successor is None:
        raise Http404
    return read_companions(request, successor, query)
