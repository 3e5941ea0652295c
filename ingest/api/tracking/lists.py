"""The HTTP API of a submitted list: one address for the status of all its accepted posts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.api import openapi, receipts, schemas
from ingest.api.authentication import KeyedView, client_of
from ingest.api.query_params import ListQuery
from ingest.api.responses import page_url, read_query
from ingest.api.tracking.status import read_status
from ingest.core.messages import AcceptedPost
from ingest.models import SubmittedList
from ingest.operations import submissions


class SubmittedListView(KeyedView):
    """`GET /api/lists/{name}`: the status of each accepted post of a list, page by page."""

    scopes = {"GET": None}  # only the key that sent the list finds it

    @openapi.submitted_list
    def get(self, request: Request, name: str) -> Response:
        query = read_query(ListQuery, request)
        key_id = client_of(request).key_id
        row = SubmittedList.objects.filter(name=name, key_id=key_id).first()
        if row is None:
            raise NotFound("This key has sent no such list within the last 7 days.")
        end = query.offset + query.limit
        following = {"offset": end, "limit": query.limit} if end < len(row.posts) else None
        answer = {
            "accepted": len(row.posts),
            "refused": row.refused,
            "accepted_at": row.accepted_at,
            "posts": [_status(*post) for post in row.posts[query.offset : end]],
            "next": page_url(request, following),
        }
        return Response(schemas.ListStatus.model_validate(answer).model_dump(mode="json"))


def list_address(key_id: int, posts: Sequence[AcceptedPost], *, refused: int) -> str | None:
    """Keep a list, and return its address; None if the database does not take it at once."""
    name = submissions.remember_list(key_id, posts, refused=refused)
    return reverse("list", args=[name]) if name else None


def _status(post_id: str, accepted_at: str) -> dict[str, Any]:
    moment = datetime.fromisoformat(accepted_at)
    status = read_status(post_id, moment)
    url = f"{reverse('post', args=[post_id])}?receipt={receipts.write(post_id, moment)}"
    return {"id": post_id, "status": status.status if status else "queued", "url": url}
