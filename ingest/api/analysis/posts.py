"""The HTTP API of saved posts: a publication's posts by day, and one post with its text."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from ingest.analytics.post_list import PostList, PostListQuery, PostSource, list_posts
from ingest.analytics.post_text import HistoryEvent, MarkedText, history_of, mark_names
from ingest.api import openapi
from ingest.api.analysis import schemas
from ingest.api.authentication import KeyedView, reader_of
from ingest.api.query_params import Query
from ingest.api.responses import find_publication, page_url, read_query, tagged_response
from ingest.core.messages import PostEntities
from ingest.operations.rule_versions import known_rules


class PublicationPostsView(KeyedView):
    """`GET /api/publications/{name}/posts`: its posts, the newest first."""

    @openapi.publication_posts
    def get(self, request: Request, name: str) -> HttpResponseBase:
        query = read_query(PostListQuery, request)
        publication = find_publication(reader_of(request), name)
        found = list_posts(PostSource(reader_of(request), publication), query)
        data = {
            "publication": publication.name,
            "total": found.total,
            "searched": found.searched,
            "posts": [post_item(post) for post in found.posts],
        }
        next_page = page_url(request, next_query(query, found))
        return tagged_response(request, schemas.PostPage, data, next=next_page)


class PostContentView(KeyedView):
    """`GET /api/posts/{id}/content`: a saved post's text, where it is kept, and its history."""

    @openapi.post_content
    def get(self, request: Request, post_id: str) -> HttpResponseBase:
        read_query(Query, request)
        found = reader_of(request).posts_by_id([post_id])
        if not found:
            raise NotFound("No post with this id is saved.")
        post = found[0]
        parts = mark_names(post, known_rules())
        data = {
            **post_item(post),
            "content": "".join(part.text for part in parts) or None,
            "names": list(_names(parts)),
            "history": [_event(event) for event in history_of(post)],
        }
        return tagged_response(request, schemas.PostContent, data)


def post_item(post: PostEntities) -> dict[str, Any]:
    """Return what a list says of a post."""
    return {
        "id": post.post_id,
        "publication": post.publication,
        "day": post.day.isoformat(),
        "title": post.title,
        "url": post.url,
    }


def next_query(query: PostListQuery, found: PostList) -> dict[str, Any] | None:
    """Return the parameters of the next page, if there is one."""
    parameters = query.model_dump(exclude_none=True, exclude={"cursor"})
    return {**parameters, "cursor": found.next} if found.next else None


def _event(event: HistoryEvent) -> dict[str, Any]:
    return {"what": event.what, "at": event.at.isoformat() if event.at else None}


def _names(parts: list[MarkedText]) -> Any:
    start = 0
    for part in parts:
        if part.entity_id:
            end = start + len(part.text)
            yield {"entity": part.entity_id, "text": part.text, "start": start, "end": end}
        start += len(part.text)
