"""
The Prometheus metrics of our processes; docs/operating.md says how to read them.

Metrics are for watching. A process killed between an effect and its count has not counted it. The
store has the exact counts, and `manage.py recount` proves them.

Most code counts once per batch, since an increment writes to a memory-mapped file.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram, values

from ingest.observability import metric_slots

# Each process of this machine counts in its own files, and a scraped process adds them up.
values.ValueClass = values.MultiProcessValue(metric_slots.number)

SHORT_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)
LONG_BUCKETS_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
SIZE_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)

ACCEPTED = Counter("ingest_posts_accepted", "Posts accepted.")
DUPLICATES = Counter("ingest_posts_duplicate", "Posts repeated within one request.")
REFUSED = Counter("ingest_posts_refused", "Posts refused.", ["reason"])
PROBLEMS = Counter("ingest_problems", "Error responses of the API.", ["status"])

REQUEST_SECONDS = Histogram(
    "ingest_http_request_seconds",
    "Time until the answer to a request begins.",
    ["method", "route"],
    buckets=SHORT_BUCKETS_SECONDS,
)

EXTRACTED = Counter("ingest_posts_extracted", "Posts with their entities extracted.")
SAVED = Counter("ingest_posts_saved", "Posts saved and counted.")
REPEATED = Counter("ingest_posts_repeated", "Posts that a save worker had counted before.")
DEAD = Counter("ingest_posts_dead", "Posts that became dead letters.", ["step", "reason"])

RETRIES = Counter("ingest_retries", "Retries of a batch.", ["reason"])
REDELIVERED = Counter("ingest_redelivered", "Messages delivered again.", ["queue"])

STEP_SECONDS = Histogram(
    "ingest_step_seconds",
    "Duration of a step for a batch of posts.",
    ["step"],
    buckets=SHORT_BUCKETS_SECONDS,
)
WAIT_SECONDS = Histogram(
    "ingest_wait_seconds",
    "Time of a message on a queue.",
    ["queue"],
    buckets=LONG_BUCKETS_SECONDS,
)
BATCH_MESSAGES = Histogram(
    "ingest_batch_messages", "Messages in a batch.", ["queue"], buckets=SIZE_BUCKETS
)
BATCH_POSTS = Histogram("ingest_batch_posts", "Posts in a batch.", ["step"], buckets=SIZE_BUCKETS)
SAVED_AFTER = Histogram(
    "ingest_saved_after_seconds",
    "Time from the 202 of a post until it is saved.",
    buckets=LONG_BUCKETS_SECONDS,
)

COMMITS = Counter("ingest_store_commits", "Commits to the store.", ["outcome"])
WRITES = Counter("ingest_store_writes", "Documents written by commits.")
STORE_ERRORS = Counter("ingest_store_errors", "Failed calls to the store.", ["error"])
COMMIT_SECONDS = Histogram(
    "ingest_store_commit_seconds",
    "Duration of a successful commit.",
    buckets=SHORT_BUCKETS_SECONDS,
)


@contextmanager
def step(name: str, posts: int) -> Iterator[None]:
    """Measure a step over a number of posts; a failed step is not measured."""
    started = time.perf_counter()
    yield
    STEP_SECONDS.labels(name).observe(time.perf_counter() - started)
    BATCH_POSTS.labels(name).observe(posts)
