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

from ingest import slots
from ingest.authentication import Allows, KeyedView
from ingest.broker import BrokerUnavailable
from ingest.gate import Backlog, the_gate
from ingest.health import CLOSED, PARTS, faults
from ingest.models import DeadLetter, Scope

HERE = frozenset(("127.0.0.1", "::1"))
# What a proxy says about whom it speaks for.
FORWARDED = frozenset(
    f"HTTP_{name}"
    for name in ("FORWARDED", "VIA", "X_REAL_IP", "X_FORWARDED_FOR", "X_FORWARDED_PROTO")
)


class AllowsFromHere(Allows):
    """Ask for a key, unless this machine itself asks, and not a proxy on it for somebody else."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        here = request.META.get("REMOTE_ADDR") in HERE and not FORWARDED & request.META.keys()
        return here or super().has_permission(request, view)


class Metrics(KeyedView):
    """`GET /metrics`: for whoever asks from this machine, and for keys that may operate."""

    scopes = {"GET": Scope.OPERATE}
    permission_classes = (AllowsFromHere,)
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(exposition(Counted(), Shared()), content_type=CONTENT_TYPE_LATEST)


def exposition(*collectors: Collector) -> bytes:
    """Return what collectors tell, in Prometheus's text format."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


class Counted(Collector):
    """What the processes of this machine have counted, and how many of them are alive."""

    def collect(self) -> Iterator[Metric]:
        files = MultiProcessCollector(None, path=str(slots.folder()))
        yield from files.collect()
        processes = _gauge("ingest_processes", "Processes that are alive.", "role")
        for role, number in slots.alive().items():
            processes.add_metric([role], number)
        yield processes

    def describe(self) -> list[Metric]:
        return []


class Shared(Collector):
    """What is so at this moment; of what cannot be read, nothing is told."""

    def collect(self) -> Iterator[Metric]:
        parts = _gauge("ingest_part_up", "Whether a part answers this server.", "part")
        away = {name for name, fault in faults().items() if fault not in ("", CLOSED)}
        for name in PARTS:
            parts.add_metric([name], name not in away)
        yield parts
        if "broker" not in away:  # it would be waited for once more
            with suppress(BrokerUnavailable):
                yield from _on_its_way(the_gate().backlog())
        if "database" not in away:
            with suppress(DatabaseError):
                yield _dead_letters()

    def describe(self) -> list[Metric]:
        return []


def _on_its_way(backlog: Backlog) -> Iterator[Metric]:
    yield _gauge("ingest_writable", "Whether posts are taken in.", value=backlog.writable)
    waiting = _gauge("ingest_queue_messages", "Messages that wait on a queue.", "queue")
    oldest = _gauge("ingest_queue_oldest_seconds", "How long the oldest has waited.", "queue")
    for queue, messages in backlog.waiting.items():
        waiting.add_metric([queue], messages)
        if queue in backlog.oldest or not messages:
            oldest.add_metric([queue], backlog.oldest.get(queue, 0))
    yield waiting
    yield oldest
    yield _gauge("ingest_in_work_messages", "Messages in work.", value=backlog.in_work)
    yield _gauge(
        "ingest_in_work_requests", "Requests that hold RabbitMQ's gate.", value=backlog.passing
    )


def _dead_letters() -> Metric:
    letters = _gauge("ingest_dead_letters", "Posts that are laid aside now.", "step", "reason")
    for row in DeadLetter.objects.order_by().values("step", "reason").annotate(n=Count("*")):
        letters.add_metric([row["step"], row["reason"]], row["n"])
    return letters


def _gauge(name: str, help_: str, *labels: str, value: Any = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value, labels=None if value is not None else labels)
