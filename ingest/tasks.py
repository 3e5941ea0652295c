"""The tasks: each takes what waits, has its effect, and only then lets go of the messages."""

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
from ingest.operations import alias_backfill
from ingest.process import shutdown
from ingest.store import open_store
from ingest.store.base import StoreUnavailable
from ingest.worker.acknowledgement import ReliableTask
from ingest.worker.batching import take_batch
from ingest.worker.crash_counter import TRANSIENT_ERRORS
from ingest.worker.failure_isolation import process_batch
from ingest.worker.steps import extract_batch, retry_until_available, save_batch

logger = get_logger()

# Posts that are saved together merge their counts; more than this only makes a death dearer.
SAVE_CHARACTERS = 1_000_000


@shared_task(name=publish.EXTRACT_TASK, bind=True, base=ReliableTask)
def extract_posts(task: "Task[Any, Any]", payload: Any) -> None:
    """Find the entities of posts, and hand them over to be saved."""
    with take_batch(task, payload, characters=BATCH_CHARACTERS) as deliveries:
        retry_until_available(
            lambda: process_batch(Step.EXTRACT, deliveries, ExtractMessage, extract_batch)
        )


@shared_task(name=publish.SAVE_TASK, bind=True, base=ReliableTask)
def save_posts(task: "Task[Any, Any]", payload: Any) -> None:
    """Add posts to the store, each once, however often their messages are delivered."""
    with take_batch(
        task,
        payload,
        characters=SAVE_CHARACTERS,
        source=publish.EXTRACT,
        patience=settings.MERGE_SECONDS,
    ) as deliveries:
        retry_until_available(lambda: process_batch(Step.SAVE, deliveries, SaveMessage, save_batch))


@shared_task(name=publish.BACKFILL_TASK, base=ReliableTask)
def backfill_aliases(run: int) -> None:
    """Take one step of a run through saved posts; whatever cuts it is delivered again."""
    stops = False
    try:
        stops = shutdown.wait(alias_backfill.seconds_too_early(run))
        if not stops:
            retry_until_available(lambda: alias_backfill.take_step(run))
    except TRANSIENT_ERRORS as error:
        raise Reject(str(error), requeue=True) from error
    except Exception as error:
        logger.exception("a run ends here", run=run)
        alias_backfill.finish(run, problem=f"{type(error).__name__}: {error}")
    if stops:
        raise Reject("the worker stops", requeue=True)


@shared_task(name=publish.SUMMARY_TASK, acks_late=False)
def summarise_publication(pub_id: str) -> None:
    """Make what the pages show of a publication; one that is lost is asked for again."""
    try:
        summarise(open_store(), pub_id)
    except StoreUnavailable as error:
        logger.warning("no summary", publication=pub_id, why=str(error))
