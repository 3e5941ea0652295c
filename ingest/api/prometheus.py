"""
`GET /metrics`, for Prometheus: what the processes of this machine have counted, and what waits.

The web server answers for every process of ours on its machine, since all of them count in files
of one folder. A machine without a web server answers by `manage.py metrics`. What the machines
share, such as the queues, is told by each web server alike, and must not be added up.
"""

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
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api.authentication import HasScope, KeyedView
from ingest.api.health import PAUSED, PROBES, faults
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import Backlog
from ingest.broker.connection import BrokerUnavailable
from ingest.models import DeadLetter, Scope
from ingest.observability import metric_slots

LOOPBACK = frozenset(("127.0.0.1", "::1"))
# What a proxy says about whom it speaks for.
PROXY_HEADERS = frozenset(
    f"HTTP_{name}"
    for name in ("FORWARDED", "VIA", "X_REAL_IP", "X_FORWARDED_FOR", "X_FORWARDED_PROTO")
)


class HasScopeOrLoopback(HasScope):
    """Ask for a key, unless this machine itself asks, and not a proxy on it for somebody else."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        here = (
            request.META.get("REMOTE_ADDR") in LOOPBACK and not PROXY_HEADERS & request.META.keys()
        )
        return here or super().has_permission(request, view)


class MetricsView(KeyedView):
    """`GET /metrics`: for whoever asks from this machine, and for keys that may operate."""

    scopes = {"GET": Scope.OPERATE}
    permission_classes = (HasScopeOrLoopback,)
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(
            exposition(ProcessMetrics(), QueueMetrics()), content_type=CONTENT_TYPE_LATEST
        )


def exposition(*collectors: Collector) -> bytes:
    """Return what collectors tell, in Prometheus's text format."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


class ProcessMetrics(Collector):
    """What the processes of this machine have counted, and how many of them are alive."""

    def collect(self) -> Iterator[Metric]:
        files = MultiProcessCollector(None, path=str(metric_slots.folder()))
        yield from files.collect()
        processes = _gauge("ingest_processes", "Processes that are alive.", "role")
        for role, number in metric_slots.alive().items():
            processes.add_metric([role], number)
        yield processes

    def describe(self) -> list[Metric]:
        return []


class QueueMetrics(Collector):
    """What is so at this moment; of what cannot be read, nothing is told."""

    def collect(self) -> Iterator[Metric]:
        parts = _gauge("ingest_part_up", "Whether a part answers this server.", "part")
        away = {name for name, fault in faults().items() if fault not in ("", PAUSED)}
        for name in PROBES:
            parts.add_metric([name], name not in away)
        yield parts
        if "broker" not in away:  # it would be waited for once more
            with suppress(BrokerUnavailable):
                yield from _backlog(get_admission().backlog())
        if "database" not in away:
            with suppress(DatabaseError):
                yield _dead_letters()

    def describe(self) -> list[Metric]:
        return []


def _backlog(backlog: Backlog) -> Iterator[Metric]:
    yield _gauge("ingest_writable", "Whether posts are taken in.", value=backlog.writable)
    waiting = _gauge("ingest_queue_messages", "Messages that wait on a queue.", "queue")
    oldest = _gauge("ingest_queue_oldest_seconds", "How long the oldest has waited.", "queue")
    for queue, messages in backlog.waiting.items():
        waiting.add_metric([queue], messages)
        if queue in backlog.oldest or not messages:
            oldest.add_metric([queue], backlog.oldest.get(queue, 0))
    yield waiting
    yield oldest
    yield _gauge("ingest_in_work_messages", "Messages in work.", value=backlog.in_progress)
    yield _gauge(
        "ingest_in_work_requests", "Requests that hold RabbitMQ's gate.", value=backlog.in_flight
    )


def _dead_letters() -> Metric:
    letters = _gauge("ingest_dead_letters", "Posts that are laid aside now.", "step", "reason")
    for row in DeadLetter.objects.order_by().values("step", "reason").annotate(n=Count("*")):
        letters.add_metric([row["step"], row["reason"]], row["n"])
    return letters


def _gauge(name: str, help_: str, *labels: str, value: Any = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value, labels=None if value is not None else labels)
