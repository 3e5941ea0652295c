"""Downloads of what the pages show, as CSV, JSON and Parquet."""

from django.http import Http404, HttpRequest, HttpResponseBase
from pydantic import ValidationError

from ingest.analytics.comparison_query import NotComparable, read_comparison
from ingest.analytics.entity_list import MAX_LIMIT
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.post_list import PostSource
from ingest.analytics.table_formats import (
    ExportFormat,
    FormatUnavailable,
    Table,
    table_response,
)
from ingest.analytics.tables import (
    comparison_table,
    entity_days,
    mentioned_with_table,
    posts_table,
    publication_days,
    trends_table,
)
from ingest.analytics.trends import TrendQuery, read_trends
from ingest.core.validation import errors_by_field
from ingest.operations.permalinks import present_id
from ingest.operations.rule_versions import known_rules
from ingest.web import mentioned_with as companions
from ingest.web.comparisons import read_page_query
from ingest.web.decorators import download, reader_of
from ingest.web.posts import PAGE_POSTS, read_post_query
from ingest.web.responses import bad_filters


@download
def publication_days_file(
    request: HttpRequest, pub_id: str, format_: ExportFormat
) -> HttpResponseBase:
    """Download the posts of a publication by day."""
    query, errors = read_post_query(request, limit=PAGE_POSTS)
    found = reader_of(request).publication_by_id(pub_id)
    if found is None:
        raise Http404
    table = publication_days(found, query.window, at=request.build_absolute_uri())
    return _answer(request, table, format_, errors)


@download
def entity_days_file(
    request: HttpRequest, entity_id: str, format_: ExportFormat
) -> HttpResponseBase:
    """Download the mentions of a name by day."""
    query, errors = read_post_query(request, limit=PAGE_POSTS)
    own = request.GET.get("publication")
    store = reader_of(request)
    overview = read_entity_overview(store, present_id(store, entity_id), publication_id=own)
    if overview is None:
        raise Http404
    table = entity_days(overview, query.window, at=request.build_absolute_uri())
    return _answer(request, table, format_, errors)


@download
def comparison_file(request: HttpRequest, format_: ExportFormat) -> HttpResponseBase:
    """Download a comparison."""
    query, errors = read_page_query(request.GET)
    if query is None:
        return bad_filters(request, errors)
    try:
        found = read_comparison(reader_of(request), query, known_rules().successors)
    except NotComparable as error:
        return bad_filters(request, {error.field: str(error)})
    return _answer(request, comparison_table(found, at=request.build_absolute_uri()), format_, {})


@download
def mentioned_with_file(
    request: HttpRequest, entity_id: str, format_: ExportFormat
) -> HttpResponseBase:
    """Download the companions of a name."""
    query, errors = companions.read_page_query(request)
    found = companions.read_companions(request, entity_id, query)
    table = mentioned_with_table(found, at=request.build_absolute_uri())
    return _answer(request, table, format_, errors)


@download
def trends_file(request: HttpRequest, pub_id: str, format_: ExportFormat) -> HttpResponseBase:
    """Download what rises and falls in a publication."""
    store = reader_of(request)
    found = store.publication_by_id(pub_id)
    if found is None:
        raise Http404
    try:
        query = TrendQuery(limit=MAX_LIMIT, **request.GET.dict())
    except ValidationError as error:
        return bad_filters(request, errors_by_field(error))
    trends = read_trends(store, found, query)
    return _answer(
        request, trends_table(found, trends, at=request.build_absolute_uri()), format_, {}
    )


@download
def posts_file(
    request: HttpRequest,
    format_: ExportFormat,
    pub_id: str | None = None,
    entity_id: str | None = None,
) -> HttpResponseBase:
    """Download the posts of a publication, or those that mention a name."""
    store, own = reader_of(request), pub_id or request.GET.get("publication")
    query, errors = read_post_query(request, limit=PAGE_POSTS)
    publication = store.publication_by_id(own) if own else None
    counted = present_id(store, entity_id) if entity_id else None
    overview = read_entity_overview(store, counted) if counted else None
    if (pub_id and publication is None) or (counted and overview is None):
        raise Http404
    mentioning = f" that mention {overview.entity.text}" if overview else ""
    what = f"Posts{f' of {publication.name}' if publication else ''}{mentioning}"
    source = PostSource(store, publication, counted)
    table = posts_table(source, query, what=what, at=request.build_absolute_uri())
    return _answer(request, table, format_, errors)


def _answer(
    request: HttpRequest, table: Table, format_: ExportFormat, errors: dict[str, str]
) -> HttpResponseBase:
    if errors:
        return bad_filters(request, errors)
    try:
        return table_response(table, format_)
    except FormatUnavailable as error:
        return bad_filters(request, {"format": str(error)})
