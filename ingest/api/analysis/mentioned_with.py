"""The HTTP API of the names that are mentioned with a name."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from ingest.analytics.mentioned_with import (
    Companion,
    MentionedWith,
    MentionedWithQuery,
    most_mentioning,
    read_mentioned_with,
    to_graphml,
)
from ingest.api import openapi
from ingest.api.analysis import schemas
from ingest.api.authentication import KeyedView, reader_of
from ingest.api.responses import entity_identity, find_publication, read_query, tagged_response
from ingest.operations.permalinks import successor_of
from ingest.store.base import StoreReader


class MentionedWithView(KeyedView):
    """`GET /api/entities/{id}/mentioned-with`: companions, with their lift and the sample."""

    @openapi.mentioned_with
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        query = read_query(MentionedWithQuery, request)
        found = read_companions(reader_of(request), entity_id, query)
        return tagged_response(request, schemas.MentionedWithAnswer, _answer(found, query))


class GraphmlView(KeyedView):
    """`GET /api/entities/{id}/mentioned-with.graphml`: the same as a network."""

    @openapi.graphml
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        found = read_companions(
            reader_of(request), entity_id, read_query(MentionedWithQuery, request)
        )
        body = to_graphml(found, source=request.build_absolute_uri())
        return HttpResponse(body, content_type=openapi.GRAPHML)


def read_companions(store: StoreReader, entity_id: str, query: MentionedWithQuery) -> MentionedWith:
    """Read the companions of an entity under its present id, or raise NotFound."""
    own = query.publication
    publication = find_publication(store, own) if own else most_mentioning(store, entity_id)
    found = read_mentioned_with(store, entity_id, publication, query) if publication else None
    if found is not None:
        return found
    successor = successor_of(entity_id)
    if successor is None:
        raise NotFound("No such publication mentions an entity of this id.")
    return read_companions(store, successor, query)


def _answer(found: MentionedWith, query: MentionedWithQuery) -> dict[str, Any]:
    return {
        **entity_identity(found.entity),
        "publication": found.publication.name,
        "posts": found.posts,
        "of_posts": found.of_posts,
        "window": {
            "since": query.since or found.publication.first_day,
            "until": query.until or found.publication.last_day,
        },
        "order": query.order,
        "companions": list(map(_companion, found.companions)),
        "links": [link._asdict() for link in found.links],
    }


def _companion(companion: Companion) -> dict[str, Any]:
    return {
        **entity_identity(companion.entity),
        "posts": companion.together,
        "share_of_sample": round(companion.share, 4),
        "share_of_posts": round(companion.usual_share, 4),
        "lift": None if companion.lift is None else round(companion.lift, 2),
    }
