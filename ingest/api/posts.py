"""The HTTP API of posts: submit them, and list those of one's own that failed."""

from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from typing import Any, get_args

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.api import openapi, request_body, schemas, submission
from ingest.api.authentication import KeyedView, client_of
from ingest.api.errors import TooLarge, Unprocessable
from ingest.api.ndjson import stream_results
from ingest.api.query_params import FailedPostsQuery
from ingest.api.responses import page_url, read_query
from ingest.api.tracking import failed_posts, idempotency
from ingest.api.tracking.lists import list_address
from ingest.core.posts import Priority
from ingest.models import Scope


class PostsView(KeyedView):
    """`/api/posts`: `POST` one post, a list or lines; `GET` the posts of a key that failed."""

    scopes = {"POST": Scope.SUBMIT, "GET": Scope.SUBMIT}

    @openapi.failed_posts
    def get(self, request: Request) -> Response:
        query = read_query(FailedPostsQuery, request)
        page, following = failed_posts.read(client_of(request).key_id, query)
        answer = {"posts": page, "next": page_url(request, following)}
        return Response(schemas.FailedPostPage.model_validate(answer).model_dump(mode="json"))

    @openapi.submit
    def post(self, request: Request) -> Response | StreamingHttpResponse:
        if request_body.media_type(request) == request_body.NDJSON:
            idempotency.refuse(request)
            return _accept_lines(request)
        body = request_body.read_json(request)
        accept = _accept_list if isinstance(body, list) else _accept_one
        return idempotency.answer_once(request, body, lambda: accept(request, body))


def _accept_one(request: Request, body: Any) -> Response:
    client = client_of(request)
    item = submission.check(body, may_change=client.may_use, bulk=_is_bulk(request))
    results = submission.submit([item], key_id=client.key_id)
    if results.errors:
        raise Unprocessable(errors=[error.model_dump() for error in results.errors])
    (answer,) = results.payload()
    return Response(answer, HTTPStatus.ACCEPTED, headers={"Location": answer["url"]})


def _accept_list(request: Request, body: list[Any]) -> Response:
    """Accept the valid posts of a list, and answer with a result for each item, in order."""
    if len(body) > settings.MAX_POSTS:
        raise TooLarge(f"A list may have at most {settings.MAX_POSTS} posts.")
    if not body:
        raise Unprocessable("The list is empty.")
    client, bulk = client_of(request), _is_bulk(request)
    results = submission.submit(
        [
            submission.check(item, may_change=client.may_use, bulk=bulk, pointer=f"/{index}")
            for index, item in enumerate(body)
        ],
        key_id=client.key_id,
    )
    if results.count(schemas.RefusedResult) == len(body):
        raise Unprocessable(errors=[error.model_dump() for error in results.errors])
    address = (
        None
        if bulk
        else list_address(
            client.key_id, results.accepted, refused=results.count(schemas.RefusedResult)
        )
    )
    answer = {**results.counts, "url": address, "posts": results.payload()}
    return Response(answer, HTTPStatus.ACCEPTED)


def _accept_lines(request: Request) -> StreamingHttpResponse:
    """Answer line by line. An error before the first line is a problem with its own status."""
    client = client_of(request)
    lines = stream_results(
        request_body.read_lines(request),
        key_id=client.key_id,
        may_change=client.may_use,
        bulk=_is_bulk(request),
    )
    first: Iterator[bytes] = iter([next(lines)])
    return StreamingHttpResponse(chain(first, lines), content_type=request_body.NDJSON)


def _is_bulk(request: Request) -> bool:
    """Return whether all posts of a request are bulk posts; else each says so for itself."""
    priority = request.query_params.get("priority", "live")
    if priority not in get_args(Priority):
        raise Unprocessable(f"The priority must be one of {', '.join(get_args(Priority))}.")
    return client_of(request).is_bulk or priority == "bulk"
