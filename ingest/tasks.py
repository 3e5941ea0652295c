"""The tasks: each takes what waits, has its effect, and only then lets go of the messages."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from celery import Task, shared_task, signals
from celery.exceptions import Reject
from celery.worker import state as worker_state
from celery.worker.control import inspect_command
from django.conf import settings
from django.db import close_old_connections
from structlog import get_logger

from ingest import heap, metrics, pace, pipeline, runs, samples, slots, stopping, tracing
from ingest.attempts import LATER
from ingest.broker import BrokerUnavailable
from ingest.extract import BATCH_CHARACTERS, warm
from ingest.gate import the_gate
from ingest.gather import gathered
from ingest.languages import Models, extract_by_language, lacks_model, load_models
from ingest.messages import AcceptedPost, ExtractMessage, PostEntities, SaveMessage
from ingest.models import DeadLetter, Step
from ingest.poison import lay_aside, work_through
from ingest.rulebook import current_patterns, current_rules
from ingest.settling import PostTask
from ingest.store import StoreUnavailable, open_store
from ingest.story import tell
from ingest.summaries import summarise
from ingest.tether import die_with_parent
from ingest.watchdog import time_limit

logger = get_logger()

# Posts that are saved together merge their counts; more than this only makes a death dearer.
SAVE_CHARACTERS = 1_000_000

# While something is away a worker waits longer each time, up to this.
LONGEST_WAIT = 30  # seconds


@shared_task(name=pipeline.EXTRACT_TASK, bind=True, base=PostTask)
def extract_posts(task: "Task[Any, Any]", payload: Any) -> None:
    """Find the entities of posts, and hand them over to be saved."""
    with gathered(task, payload, characters=BATCH_CHARACTERS) as deliveries:
        _patiently(lambda: work_through(Step.EXTRACT, deliveries, ExtractMessage, _extract))


@shared_task(name=pipeline.SAVE_TASK, bind=True, base=PostTask)
def save_posts(task: "Task[Any, Any]", payload: Any) -> None:
    """Add posts to the store, each once, however often their messages are delivered."""
    with gathered(
        task,
        payload,
        characters=SAVE_CHARACTERS,
        source=pipeline.EXTRACT,
        patience=settings.MERGE_SECONDS,
    ) as deliveries:
        _patiently(lambda: work_through(Step.SAVE, deliveries, SaveMessage, _save))


@shared_task(name=pipeline.REVISE_TASK, base=PostTask)
def revise_posts(run: int) -> None:
    """Take one step of a run through saved posts; whatever cuts it is delivered again."""
    stops = False
    try:
        stops = stopping.wait(runs.seconds_too_early(run))
        if not stops:
            _patiently(lambda: runs.take_step(run))
    except LATER as error:
        raise Reject(str(error), requeue=True) from error
    except Exception as error:
        logger.exception("a run ends here", run=run)
        runs.end(run, problem=f"{type(error).__name__}: {error}")
    if stops:
        raise Reject("the worker stops", requeue=True)


@shared_task(name=pipeline.SUMMARY_TASK, acks_late=False)
def summarise_publication(pub_id: str) -> None:
    """Make what the pages show of a publication; one that is lost is asked for again."""
    try:
        summarise(open_store(), pub_id)
    except StoreUnavailable as error:
        logger.warning("no summary", publication=pub_id, why=str(error))


def _extract(posts: Sequence[AcceptedPost]) -> None:
    """
    Find entities; a post in a language without a model is laid aside, or skipped by setting.

    One that is skipped is saved and counts as a post that mentions nobody.
    """
    with tracing.batch_span("extract", posts):
        patterns = current_patterns()
        with metrics.step(Step.EXTRACT, len(posts)), time_limit(settings.EXTRACT_SECONDS):
            found = extract_by_language(posts, models(), labels=settings.LABELS, patterns=patterns)
        readable = _readable(posts, found)
        pipeline.after_extract(readable)
    metrics.EXTRACTED.inc(len(readable))
    tell(logger, "extracted", readable)
    pace.note(len(posts))


def _readable(
    posts: Sequence[AcceptedPost], found: Sequence[PostEntities]
) -> Sequence[PostEntities]:
    """Lay aside what no model reads, where the setting says so, and return the others."""
    if settings.OTHER_LANGUAGES != "dead":
        return found
    for post, unread in zip(posts, found, strict=True):
        if lacks_model(unread):
            lay_aside(Step.EXTRACT, post, DeadLetter.Reason.LANGUAGE, unread.model)
    return [post for post in found if not lacks_model(post)]


def _save(posts: Sequence[PostEntities]) -> None:
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
    pace.note(len(posts))


def _note_saved(posts: Sequence[PostEntities], new: int) -> None:
    tell(logger, "saved", posts)
    metrics.SAVED.inc(new)
    metrics.REPEATED.inc(len(posts) - new)
    now = datetime.now(UTC)
    for post in posts:
        if post.again_at is None:
            metrics.SAVED_AFTER.observe(max(0.0, (now - post.accepted_at).total_seconds()))


def _patiently(work: Callable[[], None]) -> None:
    """
    Repeat work while something that it needs is away, for as long as it takes.

    The messages stay where they are, in hand: giving them back would count against the broker's
    limit of deliveries. Only when the worker stops are they given back.
    """
    wait = 0.5
    while True:
        try:
            return work()
        except LATER as error:
            seconds = wait * random.uniform(0.5, 1)
            logger.warning("trying again", seconds=round(seconds, 1), why=str(error))
            metrics.RETRIES.labels(_what_is_away(error)).inc()
            close_old_connections()  # one that has died, or no try would ever succeed
            if stopping.wait(seconds):
                raise
            wait = min(2 * wait, LONGEST_WAIT)


def _what_is_away(error: Exception) -> str:
    if isinstance(error, StoreUnavailable):
        return "store"
    return "broker" if isinstance(error, BrokerUnavailable) else "database"


@cache
def models() -> Models:
    """Load and warm the models: once, in the parent, whose children share them."""
    loaded = load_models(
        settings.MODEL, settings.MODELS, for_others=settings.OTHER_LANGUAGES == "main"
    )
    for nlp in loaded.own.values():
        warm(nlp, (post["content"] for post in samples.read()))
    return loaded


# When the message was enqueued that this worker took last from a queue.
_taken: dict[str, float] = {}


@inspect_command(name=pipeline.IN_WORK)
def in_work(_state: Any) -> tuple[int, int, dict[str, float]]:
    """
    Tell what this worker has in hand, and has begun so far, in messages.

    And of each queue, when the message was enqueued that it took last.
    """
    reserved, begun = worker_state.reserved_requests, worker_state.total_count
    return len(reserved), sum(begun.values()), _taken


@inspect_command(name=pipeline.AT_WORK)
def at_work(state: Any) -> tuple[list[str], int, int]:
    """Tell this worker's queues, the messages it has in hand, and its posts of the last minute."""
    queues = sorted(state.app.amqp.queues.consume_from)
    return queues, len(worker_state.reserved_requests), pace.last_minute()


@signals.task_received.connect
def note_taken(request: Any, **_: Any) -> None:
    """Remember how far this worker is in its queue; a message of an older version cannot say."""
    if enqueued_at := request.request_dict.get(pipeline.ENQUEUED_AT):
        _taken[request.delivery_info["routing_key"]] = enqueued_at


# The steps that this worker is for.
_roles: list[str] = []


@signals.worker_init.connect
def prepare_parent(sender: Any, **_: Any) -> None:
    """Do before the fork what every child would otherwise do for itself."""
    stopping.prepare()
    pace.prepare(sender.concurrency or os.cpu_count() or 1)
    queues = sender.app.amqp.queues
    _roles.extend(queue for queue in pipeline.QUEUES if queue in queues.consume_from)
    slots.take_role(f"{' '.join(_roles)} parent")
    if pipeline.SAVE in queues.consume_from and pipeline.DEAD in queues:
        # Saving is the worker that has time; what was delivered too often is laid aside there.
        queues.select([*queues.consume_from, pipeline.DEAD])
    if pipeline.EXTRACT in queues.consume_from:
        logger.info("loading the models", models=[settings.MODEL, *settings.MODELS.values()])
        try:
            models()
        except (OSError, ValueError) as error:
            raise SystemExit(f"INGEST_MODEL or INGEST_MODELS: {error}") from error
    heap.settle()


@signals.worker_process_init.connect
def prepare_child(**_: Any) -> None:
    """
    Leave it to the parent to stop: a signal to the whole group must not cut the work in hand.

    A parent that is killed takes its children along: what one of them went on working on would be
    in nobody's sight, and its messages are delivered again in any case.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)
    slots.take_role(role := " ".join(_roles))
    tracing.start(settings.TRACES_ENDPOINT, role=role)
    stopping.enter_child()


@signals.worker_process_shutdown.connect
def send_spans(**_: Any) -> None:
    """Send what is left of traces: a child ends without Python's own end."""
    tracing.stop()


@signals.worker_ready.connect
def reopen_gate(**_: Any) -> None:
    """Let posts in again after a stop of the whole stack; an operator's hand stays on the gate."""
    the_gate().reopen("stop")


@signals.worker_ready.connect
def take_signals(**_: Any) -> None:
    """Replace Celery's own handlers, which are there by now."""
    stopping.take_signals()


@signals.worker_shutting_down.connect
def stop_children_waiting(**_: Any) -> None:
    """End every wait for something outside, so that a warm shutdown needs no outage to end."""
    stopping.tell_children()
