"""
Whether what an operator sees agrees with what happened, on a stack of its own.

    python -m tests.harness.dashboard [--posts 1000] [--pictures FOLDER]

Prints the metrics after a run of so many posts beside the run, the log lines of one post, and a
trace of it as a collector on this machine received it; and at the end one line of JSON, in which
each figure is true if they agree. With a folder for pictures a post dies after that, and is
replayed at the operator's desk: `replayed_once` is true if it counts exactly once.
"""

import json
import sys
import tempfile
from argparse import ArgumentParser
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
from tests.harness.screenshots import replayed_once
from tests.support import faulty_model
from tests.support.otlp_collector import Collector, Span, collecting

LIST = 50  # posts a request
STORY = ["accepted", "extracted", "saved"]
SECRET = "Xyzzyquux"  # noqa: S105  (a word of each post, which no line of the log may hold)

console = Console(width=120)


@dataclass
class Desk:
    """A stack, what watches it, and what became of the posts that were sent."""

    stack: Stack
    client: ApiClient
    collector: Collector
    accepted: list[str]  # ids
    refused: int = 0
    duplicates: int = 0

    def send(self, posts: int) -> None:
        """Send posts in lists; in each list one is sent twice, and one is no post."""
        texts = [post["content"] for post in samples.read()]
        for start in range(0, posts, LIST):
            some = [
                {
                    "publication": f"Paper {number % 5}",
                    "content": f"{SECRET} {number}. {texts[number % len(texts)]}",
                }
                for number in range(start, min(start + LIST, posts))
            ]
            self._send_list([*some, some[0], {"content": SECRET}], f"desk-{start}")

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
        """Return the lines of the stack's log, without what honcho puts before each."""
        lines = self.stack.log.read_text(errors="replace").splitlines()
        return [line.split(" | ", 1)[-1] for line in lines]


def metrics_agree(desk: Desk) -> bool:
    """Compare a scrape with what was answered, and with what the store holds."""
    answers = "ingest_part_up store"
    wait_until(lambda: scrape(desk.stack.url)[answers] == 1, seconds=60, what="the store answers")
    scraped = scrape(desk.stack.url)
    saved = sum(publication["posts"] for publication in desk.client.publications())
    expected = {
        "ingest_posts_accepted_total": len(desk.accepted),
        "ingest_posts_duplicate_total": desk.duplicates,
        "ingest_posts_refused_total invalid": desk.refused,
        "ingest_posts_extracted_total": len(desk.accepted),
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
    return saved == len(desk.accepted) and all(scraped.get(n) == v for n, v in expected.items())


def scrape(url: str) -> dict[str, float]:
    """Return every sample of `/metrics`, by its name and the values of its labels."""
    text = requests.get(f"{url}/metrics", timeout=30).text
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def log_agrees(desk: Desk) -> bool:
    """Look for one post, and for the request that brought it, in the log."""
    post_id = desk.accepted[len(desk.accepted) // 2]
    lines = desk.log()
    story = [json.loads(line) for line in lines if post_id in line]
    console.print(f"The log lines of post {post_id}:")
    for line in story:
        console.print_json(json.dumps(_shortened(line)), indent=None)
    brought_by = {request for line in story for request in line["posts"]}
    hidden = (SECRET, desk.client.headers["Authorization"].split()[1])
    own = [r for r in brought_by if all(post_id in line["posts"].get(r, ()) for line in story)]
    of_request = [json.loads(line)["event"] for line in lines if f'"{own[0]}"' in line]
    return (
        [line["event"] for line in story] == STORY
        and len(own) == 1
        and set(STORY) <= set(of_request)
        and not any(word in line for line in lines for word in hidden)
    )


def _shortened(line: dict[str, Any]) -> dict[str, Any]:
    """Leave out most of the other posts of a batch, for the eye."""
    return {**line, "posts": {r: [*ids[:2], "…"] for r, ids in line["posts"].items()}}


def trace_agrees(desk: Desk) -> bool:
    """Look for the trace of one post, from the request to the commit."""
    post_id = desk.accepted[-1]
    wait_until(
        lambda: {"POST /api/posts", "commit"} <= {s.name for s in desk.collector.trace_of(post_id)},
        seconds=60,
        what="the spans have come",
    )
    spans = desk.collector.trace_of(post_id)
    _show(spans)
    services = {span.name: span.service for span in spans}
    return services.items() >= {
        "POST /api/posts": "ingest-web",
        "accept": "ingest-web",
        "extract": "ingest-extract",
        "save": "ingest-save",
        "commit": "ingest-save",
    }.items() and all(span.began <= span.ended for span in spans)


def _show(spans: list[Span]) -> None:
    table = Table("at, ms", "took, ms", "service", "span", "below", title="A trace, as it came")
    names = {span.id: span.name for span in spans}
    for span in spans[:20]:
        at, took = (span.began - spans[0].began) / 1e6, (span.ended - span.began) / 1e6
        below = names.get(span.parent, "")
        table.add_row(f"{at:.1f}", f"{took:.1f}", span.service, span.name, below)
    console.print(table)


FIGURES: dict[str, Callable[[Desk], bool]] = {
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
        stack = Stack(
            folder,
            {
                "INGEST_LOG_FORMAT": "json",
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "500",
                "INGEST_EXTRACT_CONCURRENCY": "4",
                **(settings or {}),
            },
        )
        client = stack.prepare()
        try:
            stack.start()
            desk = Desk(stack, client, collector, [])
            desk.send(posts)
            demo.await_empty(client)
            figures = {name: agrees(desk) for name, agrees in FIGURES.items()}
            if pictures:
                figures["replayed_once"] = replayed_once(stack, client, pictures)
            return figures
        finally:
            stack.stop()


def main() -> int:
    """Watch, and print."""
    parser = ArgumentParser(
        prog="python -m tests.harness.dashboard", description="Does what is seen agree?"
    )
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingest-desk-") as model:
        settings = faulty_model.settings(Path(model)) if asked.pictures else None
        with tempfile.TemporaryDirectory(prefix="ingest-desk-") as folder:
            figures = watch(Path(folder), asked.posts, settings, asked.pictures)
    print(json.dumps(figures))
    return 0 if all(figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
