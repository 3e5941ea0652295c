"""The HTTP API where counts are read."""

import base64
import binascii
import json
from typing import Any
from urllib.parse import quote

from django.urls import reverse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest import description
from ingest.authentication import KeyedView
from ingest.problems import Refused
from ingest.store import Cursor, Publication, StoredEntity, open_store

DEFAULT_LIMIT, LARGEST_LIMIT = 10, 100  # entities a page


class Publications(KeyedView):
    """`GET /api/publications`: every publication, with the number of its posts."""

    @description.publications
    def get(self, request: Request) -> Response:
        return Response({"publications": list(map(_publication, open_store().publications()))})


class Entities(KeyedView):
    """`GET /api/publications/{name}/entities`: the most mentioned first, page by page."""

    @description.entities
    def get(self, request: Request, name: str) -> Response:
        limit, after = _limit(request), _cursor(request)
        publication = open_store().publication(name)
        if publication is None:
            raise NotFound("No publication of this name has a saved post.")
        entities = open_store().entities(name, limit=limit + 1, after=after)
        page = entities[:limit]
        more = len(entities) > limit
        return Response(
            {
                "publication": publication.name,
                "posts": publication.posts,
                "entities": list(map(_entity, page)),
                "next": _next(request, limit, page[-1]) if more else None,
            }
        )


def _publication(publication: Publication) -> dict[str, Any]:
    return {
        "name": publication.name,
        "posts": publication.posts,
        "first_day": publication.first_day,
        "last_day": publication.last_day,
        "entities_url": f"{reverse('publications')}/{quote(publication.name, safe='')}/entities",
    }


def _entity(entity: StoredEntity) -> dict[str, Any]:
    return {
        "text": entity.text,
        "label": entity.label,
        "family": entity.family,
        "key": entity.key,
        "mentions": entity.mentions,
        "posts": entity.posts,
    }


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isdecimal() and text.isascii() and 1 <= int(text) <= LARGEST_LIMIT):
        raise Refused(f"limit must be a whole number from 1 to {LARGEST_LIMIT}.")
    return int(text)


def _cursor(request: Request) -> Cursor | None:
    """Read the place that an earlier page named; its form is nobody's business but ours."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        mentions, entity_id = json.loads(base64.urlsafe_b64decode(text))
        # More than the store could count is no place, but an error of its client.
        counts = isinstance(mentions, int) and 0 < mentions < 2**63
        if not (counts and len(bytes.fromhex(entity_id)) == 16):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise Refused("cursor must be one that an earlier page gave.") from error
    return Cursor(mentions, entity_id)


def _next(request: Request, limit: int, last: StoredEntity) -> str:
    place = json.dumps([last.mentions, last.id]).encode()
    cursor = base64.urlsafe_b64encode(place).decode()
    return f"{quote(request.path)}?limit={limit}&cursor={quote(cursor)}"
