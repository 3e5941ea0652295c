"""
What is counted and measured, under which name: docs/operating.md says what to make of it.

Counts are for watching, and no truth: a process that is killed between an effect and its count has
not counted it. The store is the truth, and `manage.py recount` compares.

Most is counted once a batch, for an increment writes to memory that is shared with a file.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram, values

from ingest.observability import metric_slots

# Every process of this machine counts in files of its own, and whoever is asked adds them up.
values.ValueClass = values.MultiProcessValue(metric_slots.number)

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)  # seconds
SLOW = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)  # seconds
MANY = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)

ACCEPTED = Counter("ingest_posts_accepted", "Posts that were accepted.")
DUPLICATES = Counter("ingest_posts_duplicate", "Posts that came before in the same request.")
REFUSED = Counter("ingest_posts_refused", "Posts that were refused.", ["reason"])
PROBLEMS = Counter("ingest_problems", "Answers of the API that were problems.", ["status"])

EXTRACTED = Counter("ingest_posts_extracted", "Posts whose entities were found.")
SAVED = Counter("ingest_posts_saved", "Posts that were added to the counts.")
REPEATED = Counter("ingest_posts_repeated", "Posts to save that had been counted before.")
DEAD = Counter("ingest_posts_dead", "Posts that were laid aside.", ["step", "reason"])

RETRIES = Counter("ingest_retries", "Times that work on a batch was done again.", ["reason"])
REDELIVERED = Counter("ingest_redelivered", "Messages that were delivered before.", ["queue"])

STEP_SECONDS = Histogram(
    "ingest_step_seconds", "How long a step took, for a batch of posts.", ["step"], buckets=QUICK
)
WAIT_SECONDS = Histogram(
    "ingest_wait_seconds", "How long a message waited on a queue.", ["queue"], buckets=SLOW
)
BATCH_MESSAGES = Histogram(
    "ingest_batch_messages", "Messages that were worked on together.", ["queue"], buckets=MANY
)
BATCH_POSTS = Histogram(
    "ingest_batch_posts", "Posts that were worked on together.", ["step"], buckets=MANY
)
SAVED_AFTER = Histogram(
    "ingest_saved_after_seconds", "How long after its 202 a post was saved.", buckets=SLOW
)

COMMITS = Counter("ingest_store_commits", "Commits to the store.", ["outcome"])
WRITES = Counter("ingest_store_writes", "Documents that commits have written.")
STORE_ERRORS = Counter("ingest_store_errors", "Calls to the store that failed.", ["error"])
COMMIT_SECONDS = Histogram(
    "ingest_store_commit_seconds", "How long a commit took that was answered.", buckets=QUICK
)


@contextmanager
def step(name: str, posts: int) -> Iterator[None]:
    """Measure a step over some posts; one that fails is not measured."""
    began = time.perf_counter()
    yield
    STEP_SECONDS.labels(name).observe(time.perf_counter() - began)
    BATCH_POSTS.labels(name).observe(posts)
