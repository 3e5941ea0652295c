"""The HTTP API of publications and their entities. Each list states its sample."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from ingest.analytics.entity_list import EntityQuery, list_entities
from ingest.analytics.export import entity_fields, export, sample_fields
from ingest.analytics.summaries import request_if_stale
from ingest.analytics.table_formats import ExportFormat, FormatUnavailable
from ingest.analytics.trends import TrendQuery, read_trends, trend_fields
from ingest.api import openapi, schemas
from ingest.api.authentication import KeyedView, reader_of
from ingest.api.errors import Unprocessable
from ingest.api.query_params import PublicationsQuery, SeriesQuery
from ingest.api.responses import (
    find_publication,
    page_url,
    publication_item,
    read_query,
    series_fields,
    tagged_response,
)


class PublicationsView(KeyedView):
    """`GET /api/publications`: publications by name, with the number of their posts."""

    @openapi.publications
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(PublicationsQuery, request)
        found = reader_of(request).publications(limit=query.limit + 1, after=query.after)
        page = found[: query.limit]
        more = len(found) > query.limit
        next_query = {"limit": query.limit, "after": page[-1].name} if more else None
        return tagged_response(
            request,
            schemas.PublicationPage,
            {"publications": list(map(publication_item, page))},
            next=page_url(request, next_query),
        )


class PublicationView(KeyedView):
    """`GET /api/publications/{name}`: a publication, and its posts by day."""

    @openapi.publication
    def get(self, request: Request, name: str) -> HttpResponseBase:
        query = read_query(SeriesQuery, request)
        publication = find_publication(reader_of(request), name)
        days = dict(sorted(query.window.part(publication.days).items()))
        series = series_fields(publication.days, query, posts=days)
        data = {**publication_item(publication), "days": days, **series}
        return tagged_response(request, schemas.PublicationDetail, data)


class EntitiesView(KeyedView):
    """`GET /api/publications/{name}/entities`: a page of its entities, most mentioned first."""

    @openapi.entities
    def get(self, request: Request, name: str) -> HttpResponseBase:
        query = read_query(EntityQuery, request)
        store = reader_of(request)
        publication = find_publication(store, name)
        request_if_stale(publication)
        page = list_entities(store, publication, query)
        entities = [entity_fields(page, entity) for entity in page.entities]
        parameters = query.model_dump(exclude_none=True, exclude={"cursor"})
        next_query = {**parameters, "cursor": page.next} if page.next else None
        data = {**sample_fields(page), "entities": entities}
        return tagged_response(
            request, schemas.EntityPage, data, next=page_url(request, next_query)
        )


class EntitiesExportView(KeyedView):
    """`GET /api/publications/{name}/entities.csv` or `.json`: all entities as of one read time."""

    @openapi.export
    def get(self, request: Request, name: str, format_: ExportFormat) -> HttpResponseBase:
        query = read_query(EntityQuery, request)
        store = reader_of(request)
        try:
            return export(store, find_publication(store, name), query, format_)
        except FormatUnavailable as error:
            raise Unprocessable(str(error)) from error


class TrendsView(KeyedView):
    """`GET /api/publications/{name}/trends`: what rises and falls, against the days before."""

    @openapi.trends
    def get(self, request: Request, name: str) -> HttpResponseBase:
        query = read_query(TrendQuery, request)
        store = reader_of(request)
        publication = find_publication(store, name)
        trends = read_trends(store, publication, query)
        return tagged_response(request, schemas.TrendsResponse, trend_fields(publication, trends))
