"""
`GET /metrics` for Prometheus: the metrics of this machine's processes, and of the queues.

The web server reports all our processes on its machine, because they count in files of one
folder. A machine without a web server runs `manage.py metrics`. Every web server reports the
same queues, so their values must not be added up.
"""

import platform
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Count
from django.http import HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import __version__
from ingest.api.authentication import HasScope, KeyedView
from ingest.api.health import PAUSED, PROBES, faults
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import Backlog
from ingest.broker.connection import BrokerUnavailable
from ingest.middleware import ANY_HOST
from ingest.models import ApiKey, DeadLetter, Scope
from ingest.observability import metric_slots
from ingest.observability.metric_totals import totals

LOOPBACK = frozenset(("127.0.0.1", "::1"))
# The headers in which a proxy names its client.
PROXY_HEADERS = frozenset(
    f"HTTP_{name}"
    for name in ("FORWARDED", "VIA", "X_REAL_IP", "X_FORWARDED_FOR", "X_FORWARDED_PROTO")
)


class HasScopeOrLoopback(HasScope):
    """Require a key, unless the client is on this machine and is not a proxy."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        is_local = (
            request.META.get("REMOTE_ADDR") in LOOPBACK
            and not PROXY_HEADERS & request.META.keys()
            and ANY_HOST not in request.META
        )
        return is_local or super().has_permission(request, view)


class MetricsView(KeyedView):
    """`GET /metrics`: for clients on this machine, and for keys with the scope `operate`."""

    scopes = {"GET": Scope.OPERATE}
    permission_classes = (HasScopeOrLoopback,)
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(
            exposition(ProcessMetrics(), QueueMetrics()), content_type=CONTENT_TYPE_LATEST
        )


def exposition(*collectors: Collector) -> bytes:
    """Return the metrics of collectors in Prometheus's text format."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


class ProcessMetrics(Collector):
    """The metrics that the processes of this machine counted, and how many are alive."""

    def collect(self) -> Iterator[Metric]:
        yield from totals()
        processes = _gauge("ingest_processes", "Processes that are alive.", "role")
        for role, number in metric_slots.alive().items():
            processes.add_metric([role], number)
        yield processes
        build = _gauge("ingest_build_info", "The version that runs.", "version", "python")
        build.add_metric([__version__, platform.python_version()], 1)
        yield build

    def describe(self) -> list[Metric]:
        return []


class QueueMetrics(Collector):
    """The queues, the dead letters and the parts as they are now, without those that fail."""

    def collect(self) -> Iterator[Metric]:
        parts = _gauge("ingest_part_up", "Whether a part answers this server.", "part")
        unavailable = {name for name, fault in faults().items() if fault not in ("", PAUSED)}
        for name in PROBES:
            parts.add_metric([name], name not in unavailable)
        yield parts
        if "broker" not in unavailable:  # do not wait for it a second time
            with suppress(BrokerUnavailable):
                yield from _backlog(get_admission().backlog())
        if "database" not in unavailable:
            with suppress(DatabaseError):
                yield _dead_letters()
                yield _expiring_keys()

    def describe(self) -> list[Metric]:
        return []


def _backlog(backlog: Backlog) -> Iterator[Metric]:
    yield _gauge("ingest_writable", "Whether posts are accepted.", value=backlog.accepting)
    waiting = _gauge("ingest_queue_messages", "Messages that wait on a queue.", "queue")
    oldest = _gauge(
        "ingest_queue_oldest_seconds", "How long the oldest message has waited.", "queue"
    )
    for queue, messages in backlog.waiting.items():
        waiting.add_metric([queue], messages)
        if queue in backlog.oldest or not messages:
            oldest.add_metric([queue], backlog.oldest.get(queue, 0))
    yield waiting
    yield oldest
    yield _gauge("ingest_in_work_messages", "Messages in progress.", value=backlog.in_progress)
    yield _gauge(
        "ingest_in_work_requests", "Requests in flight (RabbitMQ only).", value=backlog.in_flight
    )


def _dead_letters() -> Metric:
    dead_letters = _gauge("ingest_dead_letters", "Dead letters now.", "step", "reason")
    for row in DeadLetter.objects.order_by().values("step", "reason").annotate(n=Count("*")):
        dead_letters.add_metric([row["step"], row["reason"]], row["n"])
    return dead_letters


def _expiring_keys() -> Metric:
    ends = _gauge("ingest_api_key_expiry_seconds", "When a key expires, in Unix time.", "key")
    for key in ApiKey.objects.filter(revoked_at=None, expires_at__isnull=False):
        ends.add_metric([key.name], key.expires_at.timestamp() if key.expires_at else 0)
    return ends


def _gauge(name: str, help_: str, *labels: str, value: Any = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value, labels=None if value is not None else labels)
