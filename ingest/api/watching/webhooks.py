"""The HTTP API of webhooks: make, list and delete those of a key, and see their deliveries."""

from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ingest.api import openapi, schemas
from ingest.api.authentication import KeyedView, actor_of, client_of
from ingest.api.errors import Unprocessable
from ingest.api.responses import read_body
from ingest.models import EventDelivery, Webhook
from ingest.notify import delivery
from ingest.operations import audit

MAX_WEBHOOKS = 20  # of a key
SHOWN_DELIVERIES = 100  # the newest

# Any key may hear of its own posts.
SCOPES = {"GET": None, "POST": None, "DELETE": None}


class WebhooksView(KeyedView):
    """`GET` and `POST /api/webhooks`: the webhooks of a key."""

    scopes = SCOPES

    @openapi.webhooks
    def get(self, request: Request) -> Response:
        rows = Webhook.objects.filter(key_id=client_of(request).key_id).order_by("pk")
        answer = schemas.WebhookList.model_validate({"webhooks": [_shown(row) for row in rows]})
        return Response(answer.model_dump(mode="json"))

    @openapi.make_webhook
    def post(self, request: Request) -> Response:
        wanted = read_body(schemas.WebhookRequest, request)
        key_id = client_of(request).key_id
        if Webhook.objects.filter(key_id=key_id).count() >= MAX_WEBHOOKS:
            raise Unprocessable(f"A key may have at most {MAX_WEBHOOKS} webhooks.")
        try:
            delivery.public_address(wanted.url)
        except (delivery.AddressRefused, OSError, ValueError) as error:
            raise Unprocessable(
                errors=[{"pointer": "/url", "detail": f"is refused: {error}"}]
            ) from error
        row = Webhook.objects.create(key_id=key_id, **wanted.model_dump())
        audit.record(actor_of(request), audit.Action.ADD, f"webhook {row}")
        answer = schemas.MadeWebhook.model_validate({**_shown(row), "secret": row.secret})
        return Response(answer.model_dump(mode="json"), HTTPStatus.CREATED)


class WebhookView(KeyedView):
    """`GET` and `DELETE /api/webhooks/{id}`; `POST` delivers again what was given up."""

    scopes = SCOPES

    @openapi.webhook
    def get(self, request: Request, pk: int) -> Response:
        row = _own(request, pk)
        rows = EventDelivery.objects.filter(webhook=row).select_related("event")[:SHOWN_DELIVERIES]
        answer = schemas.WebhookDetail.model_validate(
            {**_shown(row), "deliveries": [_delivery(each) for each in rows]}
        )
        return Response(answer.model_dump(mode="json"))

    @openapi.replay_webhook
    def post(self, request: Request, pk: int) -> Response:
        row = _own(request, pk)
        Webhook.objects.filter(pk=row.pk).update(is_active=True)
        failed = EventDelivery.objects.filter(webhook=row, state=EventDelivery.State.FAILED)
        return Response(schemas.Replayed(replayed=delivery.replay(failed)).model_dump())

    @openapi.delete_webhook
    def delete(self, request: Request, pk: int) -> Response:
        row = _own(request, pk)
        row.delete()
        audit.record(actor_of(request), audit.Action.DELETE, f"webhook {row}")
        return Response(status=HTTPStatus.NO_CONTENT)


def _own(request: Request, pk: int) -> Webhook:
    row = Webhook.objects.filter(pk=pk, key_id=client_of(request).key_id).first()
    if row is None:
        raise NotFound("This key has no such webhook.")
    return row


def _shown(row: Webhook) -> dict[str, Any]:
    return {"id": row.pk, "url": row.url, "events": row.events, "active": row.is_active}


def _delivery(row: EventDelivery) -> dict[str, Any]:
    names = ("state", "attempts", "status", "answer", "last_at")
    return {
        "event": row.event_id,
        "type": row.event.type,
        **{name: getattr(row, name) for name in names},
    }
