"""The steps of a worker, each over a batch of posts, and the retries during an outage."""

import math
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import cache

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
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
from ingest.operations.publication_moves import current_moves, newest_moves
from ingest.operations.reprocessing import is_cancelled
from ingest.operations.rule_versions import RefreshingValue, current_patterns, current_rules
from ingest.process import shutdown
from ingest.process.time_limit import time_limit
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from ingest.worker.bulk_slots import bulk_slot
from ingest.worker.crash_counter import TRANSIENT_ERRORS
from ingest.worker.failure_isolation import (
    Survived,
    dead_letter,
    nothing_to_tell,
    settle_dead_letters,
)
from ingest.worker.saved_posts import publish_saved

logger = get_logger()

# During an outage a worker doubles its wait up to this.
MAX_WAIT_SECONDS = 30


def extract_batch(posts: Sequence[AcceptedPost], survived: Survived = nothing_to_tell) -> None:
    """
    Find the entities of posts, and publish the posts for saving.

    A process that dies after the model is done says nothing against the posts. A post in a
    language without a model becomes a dead letter. With OTHER_LANGUAGES "skip" it is saved without
    entities instead.
    """
    posts = [post for post in posts if not is_cancelled(post)]
    with tracing.batch_span("extract", posts):
        patterns = current_patterns()
        models = load_spacy_models()  # the limit is the posts' own
        with (
            _slot(posts),
            metrics.step(Step.EXTRACT, len(posts)),
            time_limit(settings.EXTRACT_SECONDS),
        ):
            found = extract_by_language(posts, models, labels=settings.LABELS, patterns=patterns)
        survived()
        extracted = _dead_letter_languages(posts, found)
        publish.enqueue_save(extracted)
    metrics.EXTRACTED.inc(len(extracted))
    log_posts(logger, "extracted", extracted)
    throughput.record(len(posts))


def _slot(posts: Sequence[AcceptedPost]) -> AbstractContextManager[None]:
    """Return what a batch needs to use a processor: a slot if it is of bulk posts."""
    return bulk_slot() if "bulk" in publish.priorities(posts) else nullcontext()


def _dead_letter_languages(
    posts: Sequence[AcceptedPost], found: Sequence[PostEntities]
) -> Sequence[PostEntities]:
    """Dead-letter the posts without a model, if the setting says so, and return the others."""
    if settings.OTHER_LANGUAGES != "dead":
        return found
    for post, result in zip(posts, found, strict=True):
        if lacks_model(result):
            dead_letter(Step.EXTRACT, post, DeadLetter.Reason.LANGUAGE, result.model)
    return [post for post in found if not lacks_model(post)]


def save_batch(posts: Sequence[PostEntities], _survived: Survived = nothing_to_tell) -> None:
    """
    Save posts and count them under the current rules.

    Whether a post survived its commit is what the store says.

    If the rules change meanwhile, this applies the new ones too: their alias backfill may have
    passed these posts already.
    """
    rules, moves = current_rules(), current_moves()
    with tracing.batch_span("save", posts), metrics.step(Step.SAVE, len(posts)):
        new = open_store().add([rules.apply(moves.apply(post)) for post in posts])
    _note_saved(posts, new)
    _settle_dead_letters(posts)
    publish_saved(posts)
    newer = current_rules()
    if newer.version != rules.version:
        moves = newest_moves()
        open_store().revise(
            [post.post_id for post in posts], lambda post: newer.revise(moves.apply(post))
        )
    throughput.record(len(posts))


def _note_saved(posts: Sequence[PostEntities], new: int) -> None:
    log_posts(logger, "saved", posts)
    metrics.SAVED.inc(new)
    metrics.REPEATED.inc(len(posts) - new)
    now = datetime.now(UTC)
    for post in posts:
        if post.again_at is None:
            metrics.SAVED_AFTER.observe(max(0.0, (now - post.accepted_at).total_seconds()))


# Whether there are dead letters: most of the time a fresh post's path reads none.
there_are_dead_letters = RefreshingValue(lambda _: DeadLetter.objects.exists())


def _settle_dead_letters(posts: Sequence[PostEntities]) -> None:
    """Delete dead letters of posts that are saved now; without a database they stay."""
    try:
        if there_are_dead_letters.value():
            settle_dead_letters(posts)
    except (OperationalError, InterfaceError):
        there_are_dead_letters.assume(False)  # so that not every batch waits for the database


def retry_until_available(
    work: Callable[[], None], give_back: Callable[[], None] | None = None
) -> None:
    """
    Repeat work through an outage, for as long as the outage lasts.

    The messages stay in progress, since requeueing them would count against the broker's delivery
    limit. But RabbitMQ closes the channel of a worker that keeps a message for too long. So after
    HOLD_SECONDS, `give_back` publishes them anew. A worker that stops requeues them.
    """
    wait = 0.5  # seconds
    hold_until = time.monotonic() + (settings.HOLD_SECONDS or math.inf)
    while True:
        try:
            return work()
        except TRANSIENT_ERRORS as error:
            seconds = wait * random.uniform(0.5, 1)
            logger.warning("trying again", seconds=round(seconds, 1), why=str(error))
            metrics.RETRIES.labels(unavailable_part(error)).inc()
            close_old_connections()  # with a dead connection no retry would succeed
            if shutdown.wait(seconds):
                raise
            if time.monotonic() >= hold_until:
                if give_back is None:
                    raise
                return give_back()
            wait = min(2 * wait, MAX_WAIT_SECONDS)


def unavailable_part(error: Exception) -> str:
    """Return the part that an error says is away: store, broker or database."""
    if isinstance(error, StoreUnavailable):
        return "store"
    return "broker" if isinstance(error, BrokerUnavailable) else "database"


@cache
def load_spacy_models() -> Models:
    """Load and warm the models, once, in the parent; its children share them."""
    loaded = load_models(
        settings.MODEL, settings.MODELS, for_others=settings.OTHER_LANGUAGES == "main"
    )
    for nlp in loaded.own.values():
        warm(nlp, (post["content"] for post in samples.read()))
    return loaded
