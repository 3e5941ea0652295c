"""The posts of one key that became dead letters, or that the API refused, with the reasons."""

from typing import Any

from django.db.models import Q, QuerySet

from ingest.analytics.entity_list import PageToken
from ingest.api.query_params import FailedPostsQuery
from ingest.models import DeadLetter, RefusedPost


def read(
    key_id: int, query: FailedPostsQuery
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return a page of a key's own posts, the oldest first, and the query of the next page."""
    if query.state == "dead":
        dead = _page(DeadLetter.objects.filter(key_id=key_id), "last_at", query)
        items = [(row.last_at, row.pk, _dead(row)) for row in dead]
    else:
        refused = _page(RefusedPost.objects.filter(key_id=key_id), "at", query)
        items = [(row.at, row.pk, _refused(row)) for row in refused]
    page = items[: query.limit]
    if len(items) <= query.limit:
        return [item for _, _, item in page], None
    at, pk, _ = page[-1]
    cursor = PageToken(value=at.isoformat(), id=str(pk)).sign()
    following = {"state": query.state, "limit": query.limit, "cursor": cursor}
    return [item for _, _, item in page], following


def _page(rows: "QuerySet[Any]", time: str, query: FailedPostsQuery) -> "QuerySet[Any]":
    if query.since:
        rows = rows.filter(**{f"{time}__gte": query.since})
    if query.cursor:
        token = PageToken.read(query.cursor)
        same = {time: token.value, "pk__gt": token.id}
        rows = rows.filter(Q(**{f"{time}__gt": token.value}) | Q(**same))
    return rows.order_by(time, "pk")[: query.limit + 1]


def _dead(row: DeadLetter) -> dict[str, Any]:
    return {
        "state": "dead",
        "id": row.post_id,
        "own_id": row.payload.get("own_id"),
        "publication": row.publication,
        "at": row.last_at,
        "reason": row.reason,
        "detail": row.get_reason_display(),
        "errors": [],
    }


def _refused(row: RefusedPost) -> dict[str, Any]:
    return {
        "state": "refused",
        "id": None,
        "own_id": row.own_id or None,
        "publication": row.publication,
        "at": row.at,
        "reason": "invalid",
        "detail": "not a post that the API takes",
        "errors": row.errors,
    }
