"""The HTTP API of publications and their entities. Each list states its sample."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from ingest.analytics.entity_list import EntityQuery, list_entities
from ingest.analytics.export import ExportFormat, entity_fields, export, sample_fields
from ingest.analytics.summaries import request_if_stale
from ingest.api import openapi, schemas
from ingest.api.authentication import KeyedView
from ingest.api.query_params import PublicationsQuery, Query
from ingest.api.responses import (
    find_publication,
    page_url,
    publication_item,
    read_query,
    tagged_response,
)
from ingest.store import open_store


class PublicationsView(KeyedView):
    """`GET /api/publications`: publications by name, with the number of their posts."""

    @openapi.publications
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(PublicationsQuery, request)
        found = open_store().publications(limit=query.limit + 1, after=query.after)
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
        read_query(Query, request)
        publication = find_publication(name)
        days = dict(sorted(publication.days.items()))
        data = {**publication_item(publication), "days": days}
        return tagged_response(request, schemas.PublicationDetail, data)


class EntitiesView(KeyedView):
    """`GET /api/publications/{name}/entities`: a page of its entities, most mentioned first."""

    @openapi.entities
    def get(self, request: Request, name: str) -> HttpResponseBase:
        query = read_query(EntityQuery, request)
        publication = find_publication(name)
        request_if_stale(publication)
        page = list_entities(open_store(), publication, query)
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
        return export(open_store(), find_publication(name), query, format_)
