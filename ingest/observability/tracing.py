"""
Traces, from a request to the commit of its posts, if an endpoint is set.

Without OTEL_EXPORTER_OTLP_ENDPOINT this module does nothing and does not load OpenTelemetry. With
it, each process starts its own exporter after the fork, since the exporter is a thread.

A post carries the trace context of its request. A batch has posts of many requests. Its span is in
the trace of the first one. Each other trace gets a span of the same name and time that links to it.
So every trace shows each step and leads to the commit.
"""

import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from ingest import __version__
from ingest.core.messages import AcceptedPost

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

TRACEPARENT = "traceparent"
# Post ids in the span of a batch.
MAX_IDS = 100

_provider: "TracerProvider | None" = None


def start(endpoint: str, *, role: str) -> None:
    """Start to send spans from this process, if an endpoint is set; call it after a fork only."""
    global _provider
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    own = {
        "service.name": f"ingest-{role}",
        "service.namespace": "ingest",
        "service.version": __version__,
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        "ingest.role": role,
    }
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before ours.
    resource = Resource.create().merge(Resource(own)).merge(OTELResourceDetector().detect())
    _provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    _provider.add_span_processor(BatchSpanProcessor(exporter))


def stop() -> None:
    """Send the remaining spans; a killed process loses the spans of its last seconds."""
    if _provider:
        _provider.shutdown()


def span(name: str, **attributes: Any) -> AbstractContextManager[Any]:
    """Start a span below this process's current one."""
    if not _provider:
        return nullcontext()
    return _tracer().start_as_current_span(name, attributes=_with_prefix(attributes))


def message_span(queue: str) -> AbstractContextManager[Any]:
    """Start the span of publishing a message."""
    if not _provider:
        return nullcontext()
    from opentelemetry.trace import SpanKind

    return _tracer().start_as_current_span(
        f"send {queue}", kind=SpanKind.PRODUCER, attributes=_messaging("send", queue)
    )


def log_ids() -> dict[str, str]:
    """Return the ids of the current span for a log line; empty without one."""
    if not _provider:
        return {}
    from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
    }


def mark_failed(span: Any, *, error_type: str) -> None:
    """Mark a span as that of an error."""
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", error_type)


def current() -> str | None:
    """Return the current span's trace context in the form that a post carries."""
    if not _provider:
        return None
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get(TRACEPARENT)


def request_span(method: str, traceparent: str) -> AbstractContextManager[Any]:
    """Start the span of a request, in the client's trace if `traceparent` is set; yield it."""
    if not _provider:
        return nullcontext()
    from opentelemetry.trace import SpanKind

    return _tracer().start_as_current_span(
        method,
        context=_context(traceparent),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method},
    )


@contextmanager
def batch_span(queue: str, posts: Sequence[AcceptedPost]) -> Iterator[None]:
    """Start the span of a batch of posts, and show it in the trace of each of their requests."""
    if not _provider:
        yield
        return
    from opentelemetry import trace

    contexts = [_context(traceparent) for traceparent in _traceparents(posts)]
    first, others = contexts[0] if contexts else None, contexts[1:]
    spans = [trace.get_current_span(other).get_span_context() for other in others]
    started = time.time_ns()
    name, kind = f"process {queue}", trace.SpanKind.CONSUMER
    with _tracer().start_as_current_span(
        name,
        context=first,
        kind=kind,
        links=list(map(trace.Link, spans)),
        attributes=_messaging("process", queue) | _post_attributes(posts),
    ) as batch:
        yield
    link = [trace.Link(batch.get_span_context())]
    for other in others:
        _tracer().start_span(name, other, kind=kind, start_time=started, links=link).end()


def _traceparents(posts: Iterable[AcceptedPost]) -> list[str]:
    """Return the distinct trace contexts of posts."""
    return list(dict.fromkeys(post.traceparent for post in posts if post.traceparent))


def _post_attributes(posts: Sequence[AcceptedPost]) -> dict[str, Any]:
    post_ids = [post.post_id for post in posts[:MAX_IDS]]
    count = {"messaging.batch.message_count": len(posts)}
    return count | _with_prefix({"posts": len(posts), "post_ids": post_ids})


def _messaging(operation: str, queue: str) -> dict[str, Any]:
    """Return the attributes of OpenTelemetry's conventions for a message."""
    from celery import current_app

    is_rabbitmq = str(current_app.conf.broker_url).startswith("amqp")
    return {
        "messaging.system": "rabbitmq" if is_rabbitmq else "redis",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": queue,
    }


def _with_prefix(attributes: dict[str, Any]) -> dict[str, Any]:
    return {f"ingest.{name}": value for name, value in attributes.items()}


def _context(traceparent: str) -> "Context":
    from opentelemetry.propagate import extract

    return extract({TRACEPARENT: traceparent})


def _tracer() -> "Tracer":
    assert _provider
    return _provider.get_tracer("ingest")
