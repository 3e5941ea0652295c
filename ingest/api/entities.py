"""The HTTP API of entities: one across publications, the posts that mention it, comparisons."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from ingest.analytics.comparison import COMPARED_ENTITIES, ComparedRow, compare
from ingest.analytics.entity_list import PageToken
from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.snippets import find_snippet
from ingest.api import openapi, schemas
from ingest.api.authentication import KeyedView
from ingest.api.query_params import CompareQuery, PostsQuery, Query
from ingest.api.responses import (
    find_publication,
    page_url,
    publication_item,
    read_query,
    tagged_response,
)
from ingest.core.messages import PostEntities
from ingest.store import open_store
from ingest.store.base import PostCursor, Publication, StoredEntity


class EntityView(KeyedView):
    """`GET /api/entities/{id}`: one entity in the publications that mention it, day by day."""

    @openapi.entity
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        read_query(Query, request)
        overview = read_entity_overview(open_store(), entity_id)
        if overview is None:
            raise NotFound("No publication mentions an entity of this id.")
        return tagged_response(
            request,
            schemas.EntityDetail,
            {
                **_identity(overview.entity),
                "mentions": overview.mentions,
                "posts": overview.posts,
                "of_posts": overview.of_posts,
                "days": overview.days,
                "publications": [_occurrence(p, e) for p, e in overview.occurrences],
            },
        )


class EntityPostsView(KeyedView):
    """`GET /api/entities/{id}/posts`: the posts that mention an entity, newest first."""

    @openapi.entity_posts
    def get(self, request: Request, entity_id: str) -> HttpResponseBase:
        query = read_query(PostsQuery, request)
        token = PageToken.read(query.cursor) if query.cursor else None
        found = open_store().posts_mentioning(
            entity_id,
            name=find_publication(query.publication).name if query.publication else None,
            limit=query.limit + 1,
            after=PostCursor(str(token.value), token.id) if token else None,
        )
        page = found[: query.limit]
        posts = [_post(post, entity_id) for post in page]
        next_page = page_url(request, _next_query(query, found))
        data = {"entity": entity_id, "posts": posts}
        return tagged_response(request, schemas.MentioningPostPage, data, next=next_page)


class ComparisonView(KeyedView):
    """`GET /api/compare?first=…&second=…`: what only one of two publications mentions, and both."""

    @openapi.compare
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(CompareQuery, request)
        first, second = find_publication(query.first), find_publication(query.second)
        found = compare(open_store(), first, second, family=query.family)
        lists = {"only_first": found.only_first, "only_second": found.only_second}
        return tagged_response(
            request,
            schemas.ComparisonResponse,
            {
                "first": publication_item(first),
                "second": publication_item(second),
                "compared": COMPARED_ENTITIES,
                **{n: list(map(_row, rows)) for n, rows in {**lists, "both": found.both}.items()},
            },
        )


def _next_query(query: PostsQuery, found: list[PostEntities]) -> dict[str, Any] | None:
    if len(found) <= query.limit:
        return None
    last = found[query.limit - 1]
    parameters = query.model_dump(exclude_none=True, exclude={"cursor"})
    return {**parameters, "cursor": PageToken(value=last.day.isoformat(), id=last.post_id).sign()}


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
    snippet = find_snippet(post, entity_id)
    return {
        "id": post.post_id,
        "publication": post.publication,
        "day": post.day.isoformat(),
        "title": post.title,
        "url": post.url,
        "passage": snippet._asdict() if snippet else None,
    }


def _row(row: ComparedRow) -> dict[str, Any]:
    entity = row.entity
    return {
        **_identity(entity),
        "first": _counts(row.first),
        "second": _counts(row.second),
    }


def _identity(entity: StoredEntity) -> dict[str, str]:
    return {name: getattr(entity, name) for name in ("id", "family", "key", "label", "text")}


def _counts(entity: StoredEntity | None) -> dict[str, int]:
    return {
        "mentions": entity.mentions if entity else 0,
        "posts": entity.posts if entity else 0,
    }
