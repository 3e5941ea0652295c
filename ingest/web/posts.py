"""The pages of posts: a publication's posts by day, and one post with its names."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from pydantic import ValidationError

from ingest.analytics.post_list import PostListQuery, PostSource, list_posts
from ingest.analytics.post_text import history_of, mark_names
from ingest.core.posts import publication_id
from ingest.core.validation import errors_by_field
from ingest.operations.rule_versions import known_rules
from ingest.web.decorators import page, reader_of
from ingest.web.feed_links import feed_link

PAGE_POSTS = 25
FILTERS = ("since", "until", "title")


@page
def publication_posts(request: HttpRequest, pub_id: str) -> HttpResponseBase:
    """Show the posts of a publication, the newest first."""
    store = reader_of(request)
    publication = store.publication_by_id(pub_id)
    if publication is None:
        raise Http404
    query, errors = read_post_query(request, limit=PAGE_POSTS)
    filters = {} if errors else {name: request.GET.get(name, "").strip() for name in FILTERS}
    context = {
        "publication": publication,
        "feed": feed_link(request, "publication_feed", pub_id, **filters),
        "found": list_posts(PostSource(store, publication), query),
        **post_filters(request, query, errors),
    }
    return render(request, "web/posts.html", context)


def read_post_query(request: HttpRequest, *, limit: int) -> tuple[PostListQuery, dict[str, str]]:
    """Read the filters of posts. If one is not valid, return its errors and no filters."""
    names = (*FILTERS, "cursor")
    parameters = {name: value for name in names if (value := request.GET.get(name, "").strip())}
    try:
        return PostListQuery(limit=limit, **parameters), {}
    except ValidationError as error:
        errors = errors_by_field(error)
        if "cursor" in errors:
            raise Http404 from error
        return PostListQuery(limit=limit), errors


def post_filters(
    request: HttpRequest, query: PostListQuery, errors: dict[str, str]
) -> dict[str, Any]:
    """Return what the form of the filters shows."""
    return {
        "post_query": query,
        "post_errors": errors,
        "post_values": {name: request.GET.get(name, "") for name in FILTERS},
    }


@page
def post(request: HttpRequest, post_id: str) -> HttpResponseBase:
    """Show one post: its text, its names and its history."""
    found = reader_of(request).posts_by_id([post_id])
    if not found:
        raise Http404
    own = found[0]
    context = {
        "post": own,
        "pub_id": publication_id(own.publication),
        "parts": mark_names(own, known_rules()),
        "history": history_of(own),
        "names": own.entities,
    }
    return render(request, "web/post.html", context)
