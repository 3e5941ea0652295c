"""The Celery tasks: each takes a batch, applies its effect, and then acknowledges the messages."""

from typing import Any

from celery import Task, shared_task
from celery.exceptions import Reject
from django.conf import settings
from structlog import get_logger

from ingest.analytics.summaries import summarise
from ingest.broker import publish
from ingest.core.messages import ExtractMessage, SaveMessage
from ingest.models import Step
from ingest.nlp.ner import BATCH_CHARACTERS
from ingest.operations import alias_backfill, replay
from ingest.process import shutdown
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from ingest.worker.acknowledgement import ReliableTask
from ingest.worker.batching import take_batch
from ingest.worker.crash_counter import TRANSIENT_ERRORS
from ingest.worker.failure_isolation import dead_letter_message, give_back, process_batch
from ingest.worker.steps import extract_batch, retry_until_available, save_batch

logger = get_logger()

# Posts saved together merge their counts. A larger batch would only make a crash more expensive.
SAVE_CHARACTERS = 1_000_000


@shared_task(name=publish.EXTRACT_TASK, bind=True, base=ReliableTask)
def extract_posts(task: "Task[Any, Any]", payload: Any) -> None:
    """Find the entities of posts, and publish the posts for saving."""
    with take_batch(task, payload, characters=BATCH_CHARACTERS) as deliveries:
        retry_until_available(
            lambda: process_batch(Step.EXTRACT, deliveries, ExtractMessage, extract_batch),
            lambda: give_back(publish.EXTRACT_TASK, deliveries),
        )


@shared_task(name=publish.SAVE_TASK, bind=True, base=ReliableTask)
def save_posts(task: "Task[Any, Any]", payload: Any) -> None:
    """Add posts to the store, each once, however often the broker delivers their messages."""
    with take_batch(
        task,
        payload,
        characters=SAVE_CHARACTERS,
        source=publish.EXTRACT,
        patience=settings.MERGE_SECONDS,
    ) as deliveries:
        retry_until_available(
            lambda: process_batch(Step.SAVE, deliveries, SaveMessage, save_batch),
            lambda: give_back(publish.SAVE_TASK, deliveries),
        )


@shared_task(name=publish.UNREADABLE_TASK, base=ReliableTask)
def keep_unreadable(message: dict[str, Any], problem: str) -> None:
    """Dead-letter a message that this version cannot read; no message on a queue calls this."""
    retry_until_available(lambda: dead_letter_message(message, problem))


@shared_task(name=publish.BACKFILL_TASK, base=ReliableTask)
def backfill_aliases(backfill_id: int) -> None:
    """Take one step of an alias backfill; the broker redelivers an interrupted step."""
    stopping = False

    def take_step() -> None:
        nonlocal stopping
        stopping = shutdown.wait(alias_backfill.seconds_too_early(backfill_id))
        if not stopping:
            alias_backfill.take_step(backfill_id)

    try:
        retry_until_available(take_step, lambda: publish.enqueue_backfill_step(backfill_id))
    except TRANSIENT_ERRORS as error:
        raise Reject(str(error), requeue=True) from error
    except Exception as error:
        logger.exception("alias backfill failed", backfill=backfill_id)
        alias_backfill.finish(backfill_id, problem=f"{type(error).__name__}: {error}")
    if stopping:
        raise Reject("the worker stops", requeue=True)


@shared_task(name=publish.REPLAY_TASK, base=ReliableTask)
def replay_dead_letters(replay_id: int) -> None:
    """Replay the next dead letters of a replay; the broker redelivers an interrupted step."""
    retry_until_available(
        lambda: replay.take_step(replay_id), lambda: publish.enqueue_replay_step(replay_id)
    )


@shared_task(name=publish.SUMMARY_TASK, acks_late=False)
def summarise_publication(pub_id: str) -> None:
    """Compute the summary of a publication; the pages ask again if the message is lost."""
    try:
        summarise(open_store(), pub_id)
    except StoreUnavailable as error:
        logger.warning("summary not computed", publication=pub_id, why=str(error))
