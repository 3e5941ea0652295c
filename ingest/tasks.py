"""The Celery tasks: each takes a batch, applies its effect, and then acknowledges the messages."""

from collections.abc import Callable
from typing import Any, Protocol

from celery import Task, shared_task
from celery.exceptions import Reject
from django.conf import settings
from pydantic import ValidationError
from structlog import get_logger

from ingest.analytics.summaries import summarise
from ingest.broker import publish
from ingest.core.messages import ExtractMessage, NotifyMessage, SaveMessage
from ingest.models import Step
from ingest.nlp.ner import BATCH_CHARACTERS
from ingest.notify.watches import evaluate
from ingest.operations import alias_backfill, replay, store_runs
from ingest.process import shutdown
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from ingest.worker.acknowledgement import ReliableTask
from ingest.worker.batching import take_batch
from ingest.worker.crash_counter import TRANSIENT_ERRORS
from ingest.worker.failure_isolation import (
    dead_letter_message,
    dead_letter_unreadable,
    give_back,
    process_batch,
)
from ingest.worker.steps import extract_batch, retry_until_available, save_batch

logger = get_logger()

# Posts saved together merge their counts. A larger batch would only make a crash more expensive.
SAVE_CHARACTERS = 1_000_000


class StepwiseRun(Protocol):
    """A module with a run that takes one step for each message."""

    def seconds_too_early(self, pk: int) -> float: ...

    def take_step(self, pk: int) -> None: ...

    def finish(self, pk: int, *, problem: str = "") -> None: ...


@shared_task(name=publish.EXTRACT_TASK, bind=True, base=ReliableTask)
def extract_posts(task: "Task[Any, Any]", payload: Any) -> None:
    """Find the entities of posts, and publish the posts for saving."""
    with take_batch(
        task,
        payload,
        characters=BATCH_CHARACTERS,
        bulk_characters=publish.MESSAGE_CHARACTERS,
    ) as deliveries:
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
        bulk_characters=SAVE_CHARACTERS // 4,
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
    _take_step(alias_backfill, backfill_id, publish.enqueue_backfill_step)


@shared_task(name=publish.RUN_TASK, base=ReliableTask)
def take_run_step(run_id: int) -> None:
    """Take one step of a run over saved posts; the broker redelivers an interrupted step."""
    _take_step(store_runs, run_id, publish.enqueue_run_step)


def _take_step(run: StepwiseRun, run_id: int, enqueue: Callable[[int], None]) -> None:
    """Wait until a step may start, and take it; another error than an outage ends the run."""
    stopping = False

    def take_step() -> None:
        nonlocal stopping
        stopping = shutdown.wait(run.seconds_too_early(run_id))
        if not stopping:
            run.take_step(run_id)

    try:
        retry_until_available(take_step, lambda: enqueue(run_id))
    except TRANSIENT_ERRORS as error:
        raise Reject(str(error), requeue=True) from error
    except Exception as error:
        logger.exception("run failed", run=run_id)
        run.finish(run_id, problem=f"{type(error).__name__}: {error}")
    if stopping:
        raise Reject("the worker stops", requeue=True)


@shared_task(name=publish.REPLAY_TASK, base=ReliableTask)
def replay_dead_letters(replay_id: int) -> None:
    """Replay the next dead letters of a replay; the broker redelivers an interrupted step."""
    retry_until_available(
        lambda: replay.take_step(replay_id), lambda: publish.enqueue_replay_step(replay_id)
    )


@shared_task(name=publish.NOTIFY_TASK, base=ReliableTask)
def notify(payload: Any) -> None:
    """Evaluate the watches of saved posts; the broker redelivers an interrupted message."""
    try:
        message = NotifyMessage.read(payload)
    except ValidationError as error:
        problem = str(error)
        retry_until_available(
            lambda: dead_letter_unreadable(Step.SAVE, {"message": payload}, problem)
        )
        return
    retry_until_available(lambda: evaluate(message.saved), lambda: publish.enqueue_notify(message))


@shared_task(name=publish.SUMMARY_TASK, acks_late=False)
def summarise_publication(pub_id: str) -> None:
    """Compute the summary of a publication; the pages ask again if the message is lost."""
    try:
        summarise(open_store(), pub_id)
    except StoreUnavailable as error:
        logger.warning("summary not computed", publication=pub_id, why=str(error))
