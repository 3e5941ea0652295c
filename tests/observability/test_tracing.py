"""Traces, which only an endpoint turns on."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ingest.core.messages import AcceptedPost
from ingest.observability import tracing
from tests.support.factories import accepted
from tests.support.otlp_collector import Collector, collecting

LOADED = """
import sys
import ingestsite.wsgi, ingestsite.urls, ingest.tasks
import ingest.worker.lifecycle, ingest.store.firestore.store
from ingest.observability import tracing
tracing.start("", role="web")
with tracing.span("accept"), tracing.request_span("GET", ""), tracing.batch_span("save", []):
    assert tracing.current() is None
tracing.stop()
print([name for name in sys.modules if name.startswith("opentelemetry.") and sys.modules[name]])
"""


def test_without_an_endpoint_opentelemetry_is_not_loaded() -> None:
    assert subprocess.check_output([sys.executable, "-c", LOADED], text=True).strip() == "[]"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Send this process's spans to a collector."""
    with collecting() as collector:
        monkeypatch.setattr(tracing, "_provider", None)
        for name in [name for name, module in sys.modules.items() if module is None]:
            monkeypatch.delitem(sys.modules, name)
        tracing.start(collector.endpoint, role="test")
        yield collector
        tracing.stop()


def brought(content: str, traceparent: str | None) -> AcceptedPost:
    """Return a post with the trace context of its request."""
    return accepted(content).model_copy(update={"traceparent": traceparent})


def test_a_batch_stands_in_the_trace_of_each_request_that_brought_a_post(
    collector: Collector,
) -> None:
    posts = [accepted("Lima.")]
    for content in ("Oslo.", "Rome."):
        with tracing.request_span("POST", ""), tracing.span("accept"):
            posts.append(brought(content, tracing.current()))
    with tracing.batch_span("save", posts), tracing.span("commit"):
        pass
    tracing.stop()
    (commit,) = (span for span in collector.spans if span.name == "commit")
    save, twin = sorted(
        (span for span in collector.spans if span.name == "process save"),
        key=lambda span: "ingest.posts" not in span.attributes,
    )
    traces = [s.trace for s in sorted(collector.spans, key=lambda s: s.began) if s.name == "POST"]
    assert [commit.trace, save.trace, twin.trace] == [traces[0], *traces]
    assert (commit.parent, save.links, twin.links) == (save.id, (traces[1],), (traces[0],))
    assert {s.service for s in collector.spans} == {"ingest-test"}


def test_a_request_goes_on_with_the_trace_it_came_with(collector: Collector) -> None:
    came_with = f"00-{'a' * 32}-{'b' * 16}-01"
    with tracing.request_span("GET", came_with):
        pass
    tracing.stop()
    (span,) = collector.spans
    assert (span.trace, span.parent) == ("a" * 32, "b" * 16)


def test_spans_keep_to_the_conventions_of_messages_and_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "newsroom")
    with collecting() as collector:
        monkeypatch.setattr(tracing, "_provider", None)
        for name in [name for name, module in sys.modules.items() if module is None]:
            monkeypatch.delitem(sys.modules, name)
        tracing.start(collector.endpoint, role="test")
        with tracing.message_span("save"):
            ids = tracing.log_ids()
        with tracing.batch_span("save", [accepted("Oslo.")]):
            pass
        tracing.stop()
    sent, processed = sorted(collector.spans, key=lambda span: span.began)
    assert (sent.name, processed.name) == ("send save", "process save")
    assert sent.attributes["messaging.destination.name"] == "save"
    assert sent.attributes["messaging.system"] == "redis"
    assert processed.attributes["messaging.batch.message_count"] == 1
    assert ids == {"trace_id": sent.trace, "span_id": sent.id}
    assert sent.service == "newsroom"
