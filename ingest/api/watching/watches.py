"""The HTTP API of watches: make, list and delete those of a key."""

from http import HTTPStatus
from typing import Any

from django.urls import reverse
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.api import openapi, schemas
from ingest.api.authentication import KeyedView, actor_of, client_of, reader_of
from ingest.api.errors import Unprocessable
from ingest.api.responses import read_body
from ingest.models import Scope, Watch
from ingest.models.notification import MAX_WATCHES, new_address
from ingest.operations import audit
from ingest.operations.permalinks import present_id
from ingest.store.base import StoreReader


class WatchesView(KeyedView):
    """`GET` and `POST /api/watches`: the watches of a key."""

    scopes = {"POST": Scope.READ}

    @openapi.watches
    def get(self, request: Request) -> Response:
        rows = Watch.objects.filter(key_id=client_of(request).key_id).order_by("pk")
        answer = schemas.WatchList.model_validate({"watches": [_shown(row) for row in rows]})
        return Response(answer.model_dump(mode="json"))

    @openapi.make_watch
    def post(self, request: Request) -> Response:
        wanted = read_body(schemas.WatchRequest, request)
        client, key_id = client_of(request), client_of(request).key_id
        if client.publications and not client.may_use(wanted.publication):
            raise PermissionDenied("This key may watch only its own publications.")
        if Watch.objects.filter(key_id=key_id).count() >= MAX_WATCHES:
            raise Unprocessable(f"A key may have at most {MAX_WATCHES} watches.")
        row = Watch(key_id=key_id, **wanted.model_dump())
        _refuse_a_known_name(row, reader_of(request))
        row.save()
        audit.record(actor_of(request), audit.Action.ADD, f"watch {row}")
        answer = schemas.WatchItem.model_validate(_shown(row))
        return Response(answer.model_dump(mode="json"), HTTPStatus.CREATED)


class WatchView(KeyedView):
    """`DELETE /api/watches/{id}`, and `POST` to it gives the watch's feed a new address."""

    scopes = {"POST": Scope.READ, "DELETE": Scope.READ}

    @openapi.move_watch
    def post(self, request: Request, pk: int) -> Response:
        row = _own(request, pk)
        row.address = new_address()
        row.save(update_fields=["address"])
        answer = schemas.WatchItem.model_validate(_shown(row))
        return Response(answer.model_dump(mode="json"))

    @openapi.delete_watch
    def delete(self, request: Request, pk: int) -> Response:
        row = _own(request, pk)
        row.delete()
        audit.record(actor_of(request), audit.Action.DELETE, f"watch {row}")
        return Response(status=HTTPStatus.NO_CONTENT)


def _own(request: Request, pk: int) -> Watch:
    row = Watch.objects.filter(pk=pk, key_id=client_of(request).key_id).first()
    if row is None:
        raise NotFound("This key has no such watch.")
    return row


def _refuse_a_known_name(watch: Watch, store: StoreReader) -> None:
    """Refuse to wait for the first mention of a name that is mentioned already."""
    if watch.condition != Watch.Condition.FIRST:
        return
    watch.find_ids()
    if watch.entity_id:
        name, counted = watch.publication or None, present_id(store, watch.entity_id)
        known = bool(store.posts_mentioning(counted, name=name, limit=1))
    else:
        known = store.publication(watch.publication) is not None
    if known:
        raise Unprocessable("A saved post mentions this already, so no post can be the first.")


def _shown(row: Watch) -> dict[str, Any]:
    names = ("name", "label", "publication", "condition", "more_than", "hours")
    return {
        "id": row.pk,
        **{name: getattr(row, name) for name in names},
        "feed": reverse("web:watch_feed", args=[row.address]),
    }
