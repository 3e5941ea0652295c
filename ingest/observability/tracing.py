"""
Traces, from a request to the commit of its posts, where there is somebody to send them to.

Without OTEL_EXPORTER_OTLP_ENDPOINT nothing here does anything, and nothing of OpenTelemetry is
loaded. With it each process starts its own exporter after it was forked, for that is a thread.

A post carries the context of its request. A batch has posts of many requests: its span stands in
the trace of the first, and in each other trace stands one of the same name and time that links to
it, so that every trace shows each step, and every commit is found from every trace.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from ingest.core.messages import AcceptedPost

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

TRACEPARENT = "traceparent"
# So many ids of a batch stand in its span.
IDS = 100

_provider: "TracerProvider | None" = None


def start(endpoint: str, *, role: str) -> None:
    """Begin to send spans from this process, if anybody wants them: never before a fork."""
    global _provider
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": f"ingest-{role}", "service.namespace": "ingest"})
    _provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    _provider.add_span_processor(BatchSpanProcessor(exporter))


def stop() -> None:
    """Send what is left; a process that is killed loses the spans of its last seconds."""
    if _provider:
        _provider.shutdown()


def span(name: str, **attributes: Any) -> AbstractContextManager[Any]:
    """Show a part of what this process does, below the span that it is in."""
    if not _provider:
        return nullcontext()
    return _tracer().start_as_current_span(name, attributes=_named(attributes))


def current() -> str | None:
    """Return the context of the span that this process is in, as a post carries it."""
    if not _provider:
        return None
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get(TRACEPARENT)


def request_span(method: str, carried: str) -> AbstractContextManager[Any]:
    """Show a request, in the trace of whoever sent it, if it carries one; yield the span."""
    if not _provider:
        return nullcontext()
    from opentelemetry.trace import SpanKind

    return _tracer().start_as_current_span(
        method,
        context=_context(carried),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method},
    )


@contextmanager
def batch_span(name: str, posts: Sequence[AcceptedPost]) -> Iterator[None]:
    """Show a step over posts, in the trace of each request that brought any."""
    if not _provider:
        yield
        return
    from opentelemetry import trace

    contexts = [_context(carried) for carried in _carried(posts)]
    first, others = contexts[0] if contexts else None, contexts[1:]
    spans = [trace.get_current_span(other).get_span_context() for other in others]
    began = time.time_ns()
    with _tracer().start_as_current_span(
        name, context=first, links=list(map(trace.Link, spans)), attributes=_about(posts)
    ) as own:
        yield
    link = [trace.Link(own.get_span_context())]
    for other in others:
        _tracer().start_span(name, other, start_time=began, links=link).end()


def _carried(posts: Iterable[AcceptedPost]) -> list[str]:
    """Return the contexts that posts carry, each once."""
    return list(dict.fromkeys(post.traceparent for post in posts if post.traceparent))


def _about(posts: Sequence[AcceptedPost]) -> dict[str, Any]:
    return _named({"posts": len(posts), "post_ids": [post.post_id for post in posts[:IDS]]})


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {f"ingest.{name}": value for name, value in attributes.items()}


def _context(traceparent: str) -> "Context":
    from opentelemetry.propagate import extract

    return extract({TRACEPARENT: traceparent})


def _tracer() -> "Tracer":
    assert _provider
    return _provider.get_tracer("ingest")
