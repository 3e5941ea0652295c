"""Events: each is recorded once, with a delivery for each webhook that waits for it."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ingest.models import Event, EventDelivery, Watch, WatchMatch, Webhook
from ingest.operations.rule_versions import RefreshingValue

# Whether anybody waits for anything: most of the time a saved post needs no message.
is_anybody_waiting = RefreshingValue(
    lambda _: Watch.objects.exists() or Webhook.objects.filter(is_active=True).exists()
)

KEPT = timedelta(days=30)
WITH_WINDOWS = (Watch.Condition.MORE, Watch.Condition.RISING)
WINDOWS_KEPT = 3  # a post counts for the window before or after that of its acceptance


def forget_old() -> None:
    """
    Delete old events with their deliveries.

    A watch for the first post keeps its event. A watch with windows keeps an event until no post
    can count for its window any more. So neither tells anything twice.
    """
    now = timezone.now()
    since = now - KEPT
    old = Event.objects.filter(at__lt=since)
    old.filter(Q(watch=None) | Q(watch__condition=Watch.Condition.ANY)).delete()
    for watch in Watch.objects.filter(condition__in=WITH_WINDOWS):
        windows_ago = now - max(KEPT, WINDOWS_KEPT * timedelta(hours=watch.hours))
        Event.objects.filter(watch=watch, at__lt=windows_ago).delete()
        WatchMatch.objects.filter(watch=watch, window__lt=watch.window_of(windows_ago)).delete()


def record(
    type_: Webhook.Event, id_: str, data: dict[str, Any], *, key_id: int | None, watch: Watch | None
) -> bool:
    """
    Record an event and its deliveries, or neither; return whether it is new.

    Args:
        id_: of the event; the same event has the same id, however often it is recorded.
        key_id: the key whose webhooks hear of it, beside those without a key for watches.
    """
    with transaction.atomic():
        event, is_new = Event.objects.get_or_create(
            pk=id_, defaults={"type": type_, "data": data, "watch": watch}
        )
        if is_new:
            hears = Q(key_id=key_id) if watch is None else Q(key_id=key_id) | Q(key=None)
            webhooks = Webhook.objects.filter(hears, is_active=True)
            EventDelivery.objects.bulk_create(
                [EventDelivery(event=event, webhook=w) for w in webhooks if type_ in w.events]
            )
    return is_new


def record_for_publisher(
    type_: Webhook.Event, key_id: int | None, data: dict[str, Any], *about: object
) -> None:
    """Record what became of a post for the webhooks of the key that brought it, if it has any."""
    if key_id is not None and Webhook.objects.filter(key_id=key_id, is_active=True).exists():
        record(type_, Event.id_of(type_, *about), data, key_id=key_id, watch=None)
