"""
EventDelivery of events to webhooks, signed after Standard Webhooks.

A delivery is a row that is due at a time. A process claims it by moving that time, so a killed
process leaves it to another one. An event may arrive more than once, and always under its own id.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import F, QuerySet
from django.utils import timezone
from structlog import get_logger

from ingest.models import EventDelivery, Webhook
from ingest.models.notification import SECRET_PREFIX
from ingest.notify import events

logger = get_logger()

TIMEOUT_SECONDS = 10
CLAIM = timedelta(seconds=60)  # after this another process takes a delivery that has no answer
# Between two attempts. After the last one, the delivery is given up.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
POLL_SECONDS = 1
FORGET_SECONDS = 3600  # between two deletions of old events
ANSWER_BYTES = 1000  # of an answer that are kept
DUE_AT_ONCE = 20
GONE = 410


class AddressRefused(Exception):
    """The address of a webhook leads to no public host."""


def deliver_until(stopping: Callable[[float], bool]) -> None:
    """Deliver what is due, until `stopping` returns True after it has waited for some seconds."""
    forget_at = 0.0
    while True:
        try:
            if time.monotonic() > forget_at:
                events.forget_old()
                forget_at = time.monotonic() + FORGET_SECONDS
            worked = deliver_due()
        except DatabaseError as error:
            logger.warning("deliveries wait for the database", why=str(error))
            worked = 0
        close_old_connections()
        if stopping(0 if worked else POLL_SECONDS):
            return


def deliver_due() -> int:
    """Attempt the deliveries that are due, and return how many."""
    now = timezone.now()
    due = EventDelivery.objects.filter(
        state=EventDelivery.State.WAITING, next_at__lte=now, webhook__is_active=True
    )
    attempts = 0
    for delivery in due.select_related("event", "webhook").order_by("next_at")[:DUE_AT_ONCE]:
        own = EventDelivery.objects.filter(pk=delivery.pk, next_at=delivery.next_at)
        if own.update(next_at=timezone.now() + CLAIM, attempts=F("attempts") + 1):
            delivery.attempts += 1
            _attempt(delivery)
            attempts += 1
    return attempts


def _attempt(delivery: EventDelivery) -> None:
    status, answer = None, ""
    try:
        status, answer = send(delivery)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        answer = f"{type(error).__name__}: {error}"
    except AddressRefused as error:
        answer = str(error)
    done = status is not None and 200 <= status < 300
    is_last = delivery.attempts > len(PAUSES) or status == GONE
    state = EventDelivery.State.WAITING
    if done or is_last:
        state = EventDelivery.State.DELIVERED if done else EventDelivery.State.FAILED
    pause = timedelta() if done or is_last else PAUSES[delivery.attempts - 1]
    EventDelivery.objects.filter(pk=delivery.pk).update(
        state=state,
        status=status,
        answer=answer[:ANSWER_BYTES].replace("\0", ""),
        last_at=timezone.now(),
        next_at=timezone.now() + pause,
    )
    if status == GONE:
        Webhook.objects.filter(pk=delivery.webhook_id).update(is_active=False)
    logger.info("delivery", event_id=delivery.event_id, state=str(state), status=status)


def send(delivery: EventDelivery) -> tuple[int, str]:
    """Send an event to its webhook, and return the status and the start of the answer."""
    event, webhook = delivery.event, delivery.webhook
    body = json.dumps({"type": event.type, "timestamp": event.at.isoformat(), "data": event.data})
    parts = urlsplit(webhook.url)
    address = public_address(webhook.url)
    moment = int(time.time())
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "User-Agent": "ingest-webhooks",
        "webhook-id": event.pk,
        "webhook-timestamp": str(moment),
        "webhook-signature": sign(webhook.secret, event.pk, moment, body),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with _pool(parts.scheme, parts.hostname or "", address, parts.port) as pool:
        response = pool.urlopen(
            "POST", path, body=body.encode(), headers=headers, redirect=False, preload_content=False
        )
        return response.status, response.read(ANSWER_BYTES).decode("utf-8", "replace")


def _pool(scheme: str, host: str, address: str, port: int | None) -> urllib3.HTTPConnectionPool:
    """Return a connection to the address that was checked, which no second look-up can change."""
    timeout = urllib3.Timeout(TIMEOUT_SECONDS)
    if scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout, retries=False)
    return urllib3.HTTPSConnectionPool(
        address,
        port,
        timeout=timeout,
        retries=False,
        server_hostname=host,
        assert_hostname=host,
    )


def sign(secret: str, event_id: str, moment: int, body: str) -> str:
    """Return the signature of a message (Standard Webhooks, version 1)."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{event_id}.{moment}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def public_address(url: str) -> str:
    """
    Return an address of the host in a URL, which must be public or in WEBHOOK_NETWORKS.

    Raises:
        AddressRefused: one of its addresses is not.
        OSError: the host has none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise AddressRefused("The address must begin with https:// and a host.")
    found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    own = [ipaddress.ip_network(network) for network in settings.WEBHOOK_NETWORKS]
    for address in addresses:
        is_own = any(address in network for network in own)
        plain = getattr(address, "ipv4_mapped", None) or address
        if not is_own and (not plain.is_global or plain.is_multicast):
            raise AddressRefused("The address leads into a network that is not public.")
        if parts.scheme == "http" and not is_own:
            raise AddressRefused("The address must begin with https://.")
    return str(addresses[0])


def replay(deliveries: "QuerySet[EventDelivery]") -> int:
    """Make deliveries due again, and return how many."""
    return deliveries.update(state=EventDelivery.State.WAITING, attempts=0, next_at=timezone.now())
