"""The life of a worker: before and after the fork, its reports, and its shutdown."""

import os
import signal
import sys
import threading
from typing import Any, NoReturn

from celery import signals
from celery.worker import state as worker_state
from celery.worker.control import inspect_command
from django.conf import settings
from django.db import connection
from structlog import get_logger

from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.broker.connection import BrokerRefused, BrokerUnavailable, check_access
from ingest.notify.delivery import deliver_until
from ingest.observability import metric_slots, throughput, tracing
from ingest.process import fork_memory, shutdown
from ingest.process.parent_death import die_with_parent
from ingest.process.time_slice import lengthen_time_slice
from ingest.worker import live_messages
from ingest.worker.steps import load_spacy_models

logger = get_logger()

MAX_RESUME_SECONDS = 10  # between two attempts to resume the intake

# The time slice of a process that extracts, which computes for seconds where there is a backlog.
EXTRACT_SLICE_MS = 50

# By queue: when the message that this worker received last was enqueued, in seconds since 1970.
_last_enqueued_at: dict[str, float] = {}


@inspect_command(name=publish.IN_PROGRESS_COMMAND)
def report_in_progress(_state: Any) -> tuple[int, int, dict[str, float]]:
    """
    Return the messages in progress, the messages started so far, and the enqueuing times.

    The enqueuing time of a queue is that of the message received last.
    """
    in_progress, started = worker_state.reserved_requests, worker_state.total_count
    return len(in_progress), sum(started.values()), _last_enqueued_at


@inspect_command(name=publish.STATUS_COMMAND)
def report_status(state: Any) -> tuple[list[str], int, int]:
    """Return the queues, the messages in progress, and the posts of the last minute."""
    queues = sorted(state.app.amqp.queues.consume_from)
    return queues, len(worker_state.reserved_requests), throughput.last_minute()


@signals.task_received.connect
def note_position(request: Any, **_: Any) -> None:
    """Note when a received message was enqueued; a message of an older version does not say."""
    queue = request.delivery_info["routing_key"]
    if queue in publish.LIVE_QUEUES:
        live_messages.note_received()
    if enqueued_at := request.request_dict.get(publish.ENQUEUED_AT):
        _last_enqueued_at[queue] = enqueued_at


# The pid of the process that forks the children.
_parent = 0

# The steps of this worker, as its role in metrics and traces.
_roles: list[str] = []


@signals.worker_init.connect
def prepare_parent(sender: Any, **_: Any) -> None:
    """Do in the parent, before the fork, what each child would otherwise repeat."""
    global _parent
    _parent = os.getpid()
    shutdown.prepare()
    throughput.prepare(sender.concurrency or os.cpu_count() or 1)
    queues = sender.app.amqp.queues
    steps = {publish.step_queue(queue) for queue in queues.consume_from}
    _roles.extend(queue for queue in (*publish.LIVE_QUEUES, publish.NOTIFY) if queue in steps)
    # A worker of a step takes live and bulk posts, whichever it was started for.
    taken = [queue for queue in publish.QUEUES if publish.step_queue(queue) in steps]
    if publish.SAVE in steps and publish.DEAD_QUEUE in queues:
        # Save workers have time, so they dead-letter the messages of the dead queue.
        taken.append(publish.DEAD_QUEUE)
    queues.select(taken)
    if publish.EXTRACT in steps:
        logger.info("loading models", models=[settings.MODEL, *settings.MODELS.values()])
        try:
            load_spacy_models()
        except (OSError, ValueError) as error:
            _refuse(f"INGEST_MODEL or INGEST_MODELS: {error}")
    try:
        check_access()  # after the models: the broker may start meanwhile
    except BrokerRefused as error:
        _refuse(f"INGEST_BROKER_URL: {error}.")
    fork_memory.freeze()


def _refuse(sentence: str) -> NoReturn:
    """End with one sentence and the status by which a supervisor does not start again."""
    print(sentence, file=sys.stderr, flush=True)
    sys.exit(os.EX_CONFIG)


@signals.worker_process_init.connect
def prepare_child(**_: Any) -> None:
    """
    Ignore SIGTERM, since only the parent decides on shutdown, and tie the child to its parent.

    A signal to the process group must not interrupt a batch. A child without its parent would work
    on messages that the broker redelivers, without showing up in the in-progress count.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL, parent=_parent)
    if publish.EXTRACT in _roles:
        lengthen_time_slice(EXTRACT_SLICE_MS)
    metric_slots.take_role(role := " ".join(_roles))
    tracing.start(settings.TRACES_ENDPOINT, role=role)
    shutdown.attach_child()


@signals.worker_process_shutdown.connect
def send_spans(**_: Any) -> None:
    """Send the remaining spans, since a child exits without running Python's exit handlers."""
    tracing.stop()


@signals.worker_ready.connect
def take_role(**_: Any) -> None:
    """Show the parent among the processes, now that it takes messages."""
    metric_slots.take_role(f"{' '.join(_roles)} parent")


@signals.worker_ready.connect
def resume_intake(**_: Any) -> None:
    """
    Resume the intake after a stop of the whole stack; an operator's pause stays.

    The pause may be in a database that is away for now, so a thread tries until it succeeds.
    """
    threading.Thread(target=try_to_resume, daemon=True).start()


def try_to_resume() -> None:
    """Resume the intake as soon as its broker and database answer."""
    seconds = 0.5
    while True:
        try:
            return get_admission().resume("stop")
        except BrokerUnavailable as error:
            logger.warning("intake not resumed", seconds=seconds, why=str(error))
            if shutdown.wait(seconds):
                return None
            seconds = min(2 * seconds, MAX_RESUME_SECONDS)
        finally:
            connection.close()  # the thread's own


@signals.worker_ready.connect
def deliver_events(**_: Any) -> None:
    """Deliver events to webhooks, beside the children that evaluate watches."""
    if publish.NOTIFY in _roles:
        threading.Thread(target=deliver_until, args=(shutdown.wait,), daemon=True).start()


@signals.worker_ready.connect
def handle_signals(**_: Any) -> None:
    """Replace Celery's signal handlers, which it has installed by now."""
    shutdown.handle_signals()


@signals.worker_shutting_down.connect
def end_waits_of_children(**_: Any) -> None:
    """End all waits of children, so that a warm shutdown does not wait for the end of an outage."""
    shutdown.notify_children()
