"""The HTTP API of entities: a search, one across publications, its posts, comparisons."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework.request import Request

from ingest.analytics.comparison import ComparedRow, Side, SideCounts, compare
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.name_search import NameQuery, search_names
from ingest.analytics.post_list import PostSource, list_posts
from ingest.analytics.snippets import find_snippet
from ingest.api import openapi, schemas
from ingest.api.analysis.posts import next_query, post_item
from ingest.api.authentication import KeyedView, reader_of
from ingest.api.query_params import CompareQuery, PostsQuery, SeriesQuery
from ingest.api.responses import (
    entity_identity,
    find_entity,
    find_publication,
    page_url,
    publication_item,
    read_query,
    series_fields,
    tagged_response,
)
from ingest.core.messages import PostEntities
from ingest.operations.permalinks import present_id
from ingest.operations.rule_versions import known_rules
from ingest.store.base import FoundName, Publication, StoredEntity


class NameSearchView(KeyedView):
    """`GET /api/entities?q=…`: the names of any publication that have words beginning so."""

    @openapi.search
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(NameQuery, request)
        search = search_names(reader_of(request), query)
        return tagged_response(
            request,
            schemas.NameSearchResponse,
            {
                "order": query.order,
                "considered": search.considered,
                "is_exact": search.is_exact,
                "entities": list(map(_found_name, search.names)),
            },
        )


class EntityView(KeyedView):
    """`GET /api/entities/{id}`: one entity in the publications that mention it, day by day."""

    @openapi.entity
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        query, store = read_query(SeriesQuery, request), reader_of(request)
        overview = find_entity(
            lambda id_: read_entity_overview(store, id_, window=query.window), entity_id
        )
        return tagged_response(
            request,
            schemas.EntityDetail,
            {
                **entity_identity(overview.entity),
                "mentions": overview.mentions,
                "posts": overview.posts,
                "of_posts": overview.of_posts,
                "days": overview.days,
                **series_fields(
                    overview.all_days,
                    query,
                    mentions=overview.days,
                    posts=overview.post_days,
                    of_posts=overview.of_days,
                ),
                "publications": [_occurrence(p, e) for p, e in overview.occurrences],
            },
        )


class EntityPostsView(KeyedView):
    """`GET /api/entities/{id}/posts`: the posts that mention an entity, newest first."""

    @openapi.entity_posts
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        query = read_query(PostsQuery, request)
        store, own = reader_of(request), query.publication
        publication = find_publication(store, own) if own else None
        counted = present_id(store, entity_id)
        found = list_posts(PostSource(store, publication, counted), query)
        data = {
            "entity": counted,
            "total": found.total,
            "searched": found.searched,
            "posts": [_post(post, counted) for post in found.posts],
        }
        next_page = page_url(request, next_query(query, found))
        return tagged_response(request, schemas.MentioningPostPage, data, next=next_page)


class ComparisonView(KeyedView):
    """`GET /api/compare?first=…&second=…`: what only one of two publications mentions, and both."""

    @openapi.compare
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(CompareQuery, request)
        store = reader_of(request)
        first, second = (find_publication(store, name) for name in (query.first, query.second))
        sides = [Side(publication.name, (publication,)) for publication in (first, second)]
        found = compare(store, sides, family=query.family, order="mentions")
        lists = {"only_first": found.only(0), "only_second": found.only(1), "both": found.shared}
        return tagged_response(
            request,
            schemas.ComparisonResponse,
            {
                "first": publication_item(first),
                "second": publication_item(second),
                "compared": found.top,
                **{name: list(map(_row, rows)) for name, rows in lists.items()},
            },
        )


def _occurrence(publication: Publication, entity: StoredEntity) -> dict[str, Any]:
    return {
        "publication": publication.name,
        "id": publication.id,
        "of_posts": publication.posts,
        "mentions": entity.mentions,
        "posts": entity.posts,
        "days": dict(sorted(entity.days.items())),
    }


def _post(post: PostEntities, entity_id: str) -> dict[str, Any]:
    snippet = find_snippet(post, entity_id, known_rules())
    return {**post_item(post), "passage": snippet._asdict() if snippet else None}


def _row(row: ComparedRow) -> dict[str, Any]:
    first, second = row.counts
    return {**entity_identity(row.entity), "first": _counts(first), "second": _counts(second)}


def _found_name(found: FoundName) -> dict[str, Any]:
    return {
        **entity_identity(found.entity),
        **_counts(found.entity),
        "publications": [
            {"publication": own.name, "id": own.id, "mentions": own.mentions, "posts": own.posts}
            for own in found.publications
        ],
    }


def _counts(counts: SideCounts | StoredEntity) -> dict[str, int]:
    return {"mentions": counts.mentions, "posts": counts.posts}
