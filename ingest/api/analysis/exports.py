"""Downloads of days, comparisons, companions and posts, as CSV, JSON and Parquet."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from ingest.analytics.comparison_query import ComparisonQuery, DayRange
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.mentioned_with import MentionedWithQuery
from ingest.analytics.post_list import PostListQuery, PostSource
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
from ingest.api import openapi
from ingest.api.analysis.comparisons import compared
from ingest.api.analysis.mentioned_with import read_companions
from ingest.api.authentication import KeyedView, reader_of
from ingest.api.errors import Unprocessable
from ingest.api.query_params import EntityDaysQuery, PostsQuery
from ingest.api.responses import find_entity, find_publication, read_query


def download(table: Table, format_: ExportFormat) -> HttpResponseBase:
    """Answer with a table; a format that is not installed is a problem of the request."""
    try:
        return table_response(table, format_)
    except FormatUnavailable as error:
        raise Unprocessable(str(error)) from error


class PublicationDaysExport(KeyedView):
    """`GET /api/publications/{name}/days.csv`, `.json` or `.parquet`: its posts by day."""

    @openapi.export_of(DayRange, "Export the posts of a publication by day")
    def get(self, request: Request, name: str, format_: ExportFormat) -> HttpResponseBase:
        window = read_query(DayRange, request).window
        table = publication_days(
            find_publication(reader_of(request), name), window, at=request.build_absolute_uri()
        )
        return download(table, format_)


class TrendsExport(KeyedView):
    """`GET /api/publications/{name}/trends.csv`, `.json` or `.parquet`: what rises and falls."""

    @openapi.export_of(TrendQuery, "Export the trends of a publication")
    def get(self, request: Request, name: str, format_: ExportFormat) -> HttpResponseBase:
        query, publication = (
            read_query(TrendQuery, request),
            find_publication(reader_of(request), name),
        )
        trends = read_trends(reader_of(request), publication, query)
        table = trends_table(publication, trends, at=request.build_absolute_uri())
        return download(table, format_)


class EntityDaysExport(KeyedView):
    """`GET /api/entities/{id}/days.csv`, `.json` or `.parquet`: its mentions by day."""

    @openapi.export_of(
        EntityDaysQuery, "Export the mentions of an entity by day", of=openapi.OF_ENTITY
    )
    def get(self, request: Request, entity_id: str, format_: ExportFormat) -> HttpResponseBase:
        query, store = read_query(EntityDaysQuery, request), reader_of(request)
        own = (
            find_publication(reader_of(request), query.publication).id
            if query.publication
            else None
        )
        overview = find_entity(
            lambda id_: read_entity_overview(store, id_, publication_id=own), entity_id
        )
        return download(
            entity_days(overview, query.window, at=request.build_absolute_uri()), format_
        )


class ComparisonExport(KeyedView):
    """`GET /api/comparison.csv`, `.json` or `.parquet`: a row for each name and side."""

    @openapi.export_of(ComparisonQuery, "Export a comparison")
    def get(self, request: Request, format_: ExportFormat) -> HttpResponseBase:
        found = compared(reader_of(request), read_query(ComparisonQuery, request))
        return download(comparison_table(found, at=request.build_absolute_uri()), format_)


class MentionedWithExport(KeyedView):
    """`GET /api/entities/{id}/mentioned-with.csv`, `.json` or `.parquet`: its companions."""

    @openapi.export_of(
        MentionedWithQuery,
        "Export the entities that an entity's posts mention too",
        of=openapi.OF_ENTITY,
    )
    def get(self, request: Request, entity_id: str, format_: ExportFormat) -> HttpResponseBase:
        found = read_companions(
            reader_of(request), entity_id, read_query(MentionedWithQuery, request)
        )
        return download(mentioned_with_table(found, at=request.build_absolute_uri()), format_)


class PublicationPostsExport(KeyedView):
    """`GET /api/publications/{name}/posts.csv`, `.json` or `.parquet`: its posts."""

    @openapi.export_of(PostListQuery, "Export the posts of a publication")
    def get(self, request: Request, name: str, format_: ExportFormat) -> HttpResponseBase:
        query, publication = (
            read_query(PostListQuery, request),
            find_publication(reader_of(request), name),
        )
        what, at = f"Posts of {publication.name}", request.build_absolute_uri()
        source = PostSource(reader_of(request), publication)
        return download(posts_table(source, query, what=what, at=at), format_)


class EntityPostsExport(KeyedView):
    """`GET /api/entities/{id}/posts.csv`, `.json` or `.parquet`: the posts that mention it."""

    @openapi.export_of(PostsQuery, "Export the posts that mention an entity", of=openapi.OF_ENTITY)
    def get(self, request: Request, entity_id: str, format_: ExportFormat) -> HttpResponseBase:
        query, store = read_query(PostsQuery, request), reader_of(request)
        overview = find_entity(lambda id_: read_entity_overview(store, id_), entity_id)
        publication = (
            find_publication(reader_of(request), query.publication) if query.publication else None
        )
        what, at = f"Posts that mention {overview.entity.text}", request.build_absolute_uri()
        source = PostSource(store, publication, overview.entity.id)
        return download(posts_table(source, query, what=what, at=at), format_)
