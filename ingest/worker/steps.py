"""What a worker does with a batch of posts in each step, and how it waits out an outage."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache

from django.conf import settings
from django.db import close_old_connections
from structlog import get_logger

from ingest import samples
from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import AcceptedPost, PostEntities
from ingest.models import DeadLetter, Step
from ingest.nlp.languages import Models, extract_by_language, lacks_model, load_models
from ingest.nlp.ner import warm
from ingest.observability import metrics, throughput, tracing
from ingest.observability.post_log import log_posts
from ingest.operations.rule_versions import current_patterns, current_rules
from ingest.process import shutdown
from ingest.process.time_limit import time_limit
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from ingest.worker.crash_counter import TRANSIENT_ERRORS
from ingest.worker.failure_isolation import dead_letter

logger = get_logger()

# While something is away a worker waits longer each time, up to this.
MAX_WAIT_SECONDS = 30  # seconds


def extract_batch(posts: Sequence[AcceptedPost]) -> None:
    """
    Find entities; a post in a language without a model is laid aside, or skipped by setting.

    One that is skipped is saved and counts as a post that mentions nobody.
    """
    with tracing.batch_span("extract", posts):
        patterns = current_patterns()
        with metrics.step(Step.EXTRACT, len(posts)), time_limit(settings.EXTRACT_SECONDS):
            found = extract_by_language(
                posts, load_spacy_models(), labels=settings.LABELS, patterns=patterns
            )
        readable = _readable(posts, found)
        publish.enqueue_save(readable)
    metrics.EXTRACTED.inc(len(readable))
    log_posts(logger, "extracted", readable)
    throughput.record(len(posts))


def _readable(
    posts: Sequence[AcceptedPost], found: Sequence[PostEntities]
) -> Sequence[PostEntities]:
    """Lay aside what no model reads, where the setting says so, and return the others."""
    if settings.OTHER_LANGUAGES != "dead":
        return found
    for post, unread in zip(posts, found, strict=True):
        if lacks_model(unread):
            dead_letter(Step.EXTRACT, post, DeadLetter.Reason.LANGUAGE, unread.model)
    return [post for post in found if not lacks_model(post)]


def save_batch(posts: Sequence[PostEntities]) -> None:
    """
    Count posts under the rules that hold.

    Rules that change meanwhile are applied at once: the run that brings them to saved posts may
    be past these by now.
    """
    rules = current_rules()
    with tracing.batch_span("save", posts), metrics.step(Step.SAVE, len(posts)):
        new = open_store().add([rules.apply(post) for post in posts])
    _note_saved(posts, new)
    newer = current_rules()
    if newer.version != rules.version:
        open_store().revise([post.post_id for post in posts], newer.revise)
    throughput.record(len(posts))


def _note_saved(posts: Sequence[PostEntities], new: int) -> None:
    log_posts(logger, "saved", posts)
    metrics.SAVED.inc(new)
    metrics.REPEATED.inc(len(posts) - new)
    now = datetime.now(UTC)
    for post in posts:
        if post.again_at is None:
            metrics.SAVED_AFTER.observe(max(0.0, (now - post.accepted_at).total_seconds()))


def retry_until_available(work: Callable[[], None]) -> None:
    """
    Repeat work while something that it needs is away, for as long as it takes.

    The messages stay where they are, in hand: giving them back would count against the broker's
    limit of deliveries. Only when the worker stops are they given back.
    """
    wait = 0.5
    while True:
        try:
            return work()
        except TRANSIENT_ERRORS as error:
            seconds = wait * random.uniform(0.5, 1)
            logger.warning("trying again", seconds=round(seconds, 1), why=str(error))
            metrics.RETRIES.labels(unavailable_part(error)).inc()
            close_old_connections()  # one that has died, or no try would ever succeed
            if shutdown.wait(seconds):
                raise
            wait = min(2 * wait, MAX_WAIT_SECONDS)


def unavailable_part(error: Exception) -> str:
    if isinstance(error, StoreUnavailable):
        return "store"
    return "broker" if isinstance(error, BrokerUnavailable) else "database"


@cache
def load_spacy_models() -> Models:
    """Load and warm the models: once, in the parent, whose children share them."""
    loaded = load_models(
        settings.MODEL, settings.MODELS, for_others=settings.OTHER_LANGUAGES == "main"
    )
    for nlp in loaded.own.values():
        warm(nlp, (post["content"] for post in samples.read()))
    return loaded
