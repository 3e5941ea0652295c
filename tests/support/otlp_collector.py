"""A collector of traces on loopback: it receives OTLP over HTTP and keeps the spans."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """One span, as the collector received it."""

    trace: str
    id: str
    parent: str
    name: str
    service: str
    began: int  # nanoseconds since 1970
    ended: int
    attributes: dict[str, Any]
    links: tuple[str, ...]  # ids of traces


@dataclass
class Collector:
    """The spans received so far, and the address to send them to."""

    endpoint: str
    spans: list[Span] = field(default_factory=list)

    def trace_of(self, post_id: str) -> list[Span]:
        """Return the spans of the traces that saved a post, in the order of their start."""
        saves = {s.trace for s in self.spans if post_id in s.attributes.get("ingest.post_ids", ())}
        linked = {t for s in self.spans if s.trace in saves for t in s.links}
        own = saves | linked
        return sorted((s for s in self.spans if s.trace in own), key=lambda span: span.began)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Receive spans on a free port while a block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.spans.extend(_read(ExportTraceServiceRequest.FromString(body)))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Print no access log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()


def _read(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        about = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    str(about.get("service.name")),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    _attributes(span.attributes),
                    tuple(link.trace_id.hex() for link in span.links),
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
