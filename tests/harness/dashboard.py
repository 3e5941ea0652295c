"""
Whether metrics, log and traces agree with what happened, on a stack of its own.

    python -m tests.harness.dashboard [--posts 1000] [--pictures FOLDER]

The program sends posts and prints the metrics beside the expected values. It prints the log lines
of one post, and a trace as a collector on this machine received it. The last line is JSON, in which
each figure is true if it agrees. With a folder for pictures, a post then becomes a dead letter and
an operator replays it in the admin. `replayed_once` is true if that post counts exactly once.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from ingest import samples
from ingest.client import ApiClient
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from tests.harness import runner
from tests.harness.screenshots import replayed_once
from tests.support import faulty_model
from tests.support.otlp_collector import Collector, Span, collecting

BATCH_POSTS = 50  # posts a request
LOG_EVENTS = ["accepted", "extracted", "saved"]  # of one post
SECRET = "Xyzzyquux"  # noqa: S105  (a word of every post, which the log must not contain)

console = Console(width=120)


@dataclass
class Watched:
    """A stack, the collector of its traces, and the answers to the posts sent."""

    stack: Stack
    client: ApiClient
    collector: Collector
    accepted: list[str]  # ids
    refused: int = 0
    duplicates: int = 0

    def send(self, posts: int) -> None:
        """Send posts in lists, each with one post twice and one body that is no post."""
        texts = [post["content"] for post in samples.read()]
        for start in range(0, posts, BATCH_POSTS):
            some = [
                {
                    "publication": f"Paper {number % 5}",
                    "content": f"{SECRET} {number}. {texts[number % len(texts)]}",
                }
                for number in range(start, min(start + BATCH_POSTS, posts))
            ]
            self._send_list([*some, some[0], {"content": SECRET}], f"watched-{start}")

    def _send_list(self, posts: list[dict[str, str]], request_id: str) -> None:
        headers = {**self.client.headers, "X-Request-ID": request_id}
        answer = requests.post(
            f"{self.stack.url}/api/posts", json=posts, headers=headers, timeout=60
        )
        answer.raise_for_status()
        assert answer.headers["X-Request-ID"] == request_id
        results = answer.json()
        self.accepted += [p["id"] for p in results["posts"] if p["status"] == "accepted"]
        self.refused += results["refused"]
        self.duplicates += results["duplicates"]

    def log(self) -> list[str]:
        """Return the lines of the stack's log, without honcho's prefix."""
        lines = self.stack.log.read_text(errors="replace").splitlines()
        return [line.split(" | ", 1)[-1] for line in lines]


def metrics_agree(watched: Watched) -> bool:
    """Compare a scrape with the answers and with the store."""
    answers = "ingest_part_up store"
    wait_until(
        lambda: scrape(watched.stack.url)[answers] == 1, seconds=60, what="the store answers"
    )
    scraped = scrape(watched.stack.url)
    saved = sum(publication["posts"] for publication in watched.client.publications())
    expected = {
        "ingest_posts_accepted_total": len(watched.accepted),
        "ingest_posts_duplicate_total": watched.duplicates,
        "ingest_posts_refused_total invalid": watched.refused,
        "ingest_posts_extracted_total": len(watched.accepted),
        "ingest_posts_saved_total": saved,
        "ingest_saved_after_seconds_count": saved,
        "ingest_batch_posts_sum save": saved,
        "ingest_queue_messages extract": 0,
        "ingest_queue_messages save": 0,
        "ingest_in_work_messages": 0,
        "ingest_processes web": 2,
        "ingest_writable": 1,
    }
    table = Table("metric", "scraped", "the run", title="Metrics after the run")
    for name, value in expected.items():
        table.add_row(name, f"{scraped.get(name, -1):g}", str(value))
    console.print(table)
    return saved == len(watched.accepted) and all(scraped.get(n) == v for n, v in expected.items())


def scrape(url: str) -> dict[str, float]:
    """Return every sample of `/metrics`, by its name and the values of its labels."""
    text = requests.get(f"{url}/metrics", timeout=30).text
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def log_agrees(watched: Watched) -> bool:
    """Find one post, and the request that brought it, in the log."""
    post_id = watched.accepted[len(watched.accepted) // 2]
    lines = watched.log()
    events = [json.loads(line) for line in lines if post_id in line]
    console.print(f"The log lines of post {post_id}:")
    for line in events:
        console.print_json(json.dumps(_shortened(line)), indent=None)
    brought_by = {request for line in events for request in line["posts"]}
    hidden = (SECRET, watched.client.headers["Authorization"].split()[1])
    own = [r for r in brought_by if all(post_id in line["posts"].get(r, ()) for line in events)]
    of_request = [json.loads(line)["event"] for line in lines if f'"{own[0]}"' in line]
    return (
        [line["event"] for line in events] == LOG_EVENTS
        and len(own) == 1
        and set(LOG_EVENTS) <= set(of_request)
        and not any(word in line for line in lines for word in hidden)
    )


def _shortened(line: dict[str, Any]) -> dict[str, Any]:
    """Leave out most other posts of a batch, so that the line is short."""
    return {**line, "posts": {r: [*ids[:2], "…"] for r, ids in line["posts"].items()}}


# The spans of a post, and the service of each.
SERVICES = {
    "POST /api/posts": "ingest-web",
    "accept": "ingest-web",
    "send extract": "ingest-web",
    "process extract": "ingest-extract",
    "send save": "ingest-extract",
    "process save": "ingest-save",
    "commit": "ingest-save",
}


def trace_agrees(watched: Watched) -> bool:
    """Find the trace of one post, from the request to the commit."""
    post_id = watched.accepted[-1]
    # Each process sends its spans when it likes, so the last to end may come before the others.
    wait_until(
        lambda: SERVICES.keys() <= {s.name for s in watched.collector.trace_of(post_id)},
        seconds=60,
        what="the collector has the spans",
    )
    spans = watched.collector.trace_of(post_id)
    _show(spans)
    services = {span.name: span.service for span in spans}
    return services.items() >= SERVICES.items() and all(s.began <= s.ended for s in spans)


def _show(spans: list[Span]) -> None:
    table = Table(
        "at, ms",
        "took, ms",
        "service",
        "span",
        "below",
        title="A trace, as the collector received it",
    )
    names = {span.id: span.name for span in spans}
    for span in spans[:20]:
        at, took = (span.began - spans[0].began) / 1e6, (span.ended - span.began) / 1e6
        below = names.get(span.parent, "")
        table.add_row(f"{at:.1f}", f"{took:.1f}", span.service, span.name, below)
    console.print(table)


FIGURES: dict[str, Callable[[Watched], bool]] = {
    "metrics_agree": metrics_agree,
    "log_agrees": log_agrees,
    "trace_agrees": trace_agrees,
}


def watch(
    folder: Path,
    posts: int,
    settings: dict[str, str] | None = None,
    pictures: Path | None = None,
) -> dict[str, bool]:
    """Send posts through a stack, and return every figure."""
    with collecting() as collector:
        settings = {
            "INGEST_LOG_FORMAT": "json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "INGEST_EXTRACT_CONCURRENCY": "4",
            **(settings or {}),
        }
        with runner.prepared_stack(folder, settings, flower=True) as (stack, client, _):
            stack.start()
            watched = Watched(stack, client, collector, [])
            watched.send(posts)
            demo.await_empty(client)
            figures = {name: agrees(watched) for name, agrees in FIGURES.items()}
            if pictures:
                figures["replayed_once"] = replayed_once(stack, client, pictures)
            return figures


def main() -> int:
    """Do one run, and print whether everything agrees."""
    parser = runner.argument_parser("dashboard", "Compare metrics, log and traces with a run.")
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    with runner.temporary_folder("model") as model, runner.temporary_folder("dashboard") as folder:
        settings = faulty_model.settings(model) if options.pictures else None
        figures = watch(folder, options.posts, settings, options.pictures)
    runner.print_figures(figures)
    return 0 if all(figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
