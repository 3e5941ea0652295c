"""What a worker does before and after it forks, when it stops, and what it reports of itself."""

import os
import signal
from typing import Any

from celery import signals
from celery.worker import state as worker_state
from celery.worker.control import inspect_command
from django.conf import settings
from structlog import get_logger

from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.observability import metric_slots, throughput, tracing
from ingest.process import fork_memory, shutdown
from ingest.process.parent_death import die_with_parent
from ingest.worker.steps import load_spacy_models

logger = get_logger()


# When the message was enqueued that this worker took last from a queue.
_taken: dict[str, float] = {}


@inspect_command(name=publish.IN_PROGRESS_COMMAND)
def report_in_progress(_state: Any) -> tuple[int, int, dict[str, float]]:
    """
    Tell what this worker has in hand, and has begun so far, in messages.

    And of each queue, when the message was enqueued that it took last.
    """
    reserved, begun = worker_state.reserved_requests, worker_state.total_count
    return len(reserved), sum(begun.values()), _taken


@inspect_command(name=publish.STATUS_COMMAND)
def report_status(state: Any) -> tuple[list[str], int, int]:
    """Tell this worker's queues, the messages it has in hand, and its posts of the last minute."""
    queues = sorted(state.app.amqp.queues.consume_from)
    return queues, len(worker_state.reserved_requests), throughput.last_minute()


@signals.task_received.connect
def note_position(request: Any, **_: Any) -> None:
    """Remember how far this worker is in its queue; a message of an older version cannot say."""
    if enqueued_at := request.request_dict.get(publish.ENQUEUED_AT):
        _taken[request.delivery_info["routing_key"]] = enqueued_at


# The steps that this worker is for.
_roles: list[str] = []


@signals.worker_init.connect
def prepare_parent(sender: Any, **_: Any) -> None:
    """Do before the fork what every child would otherwise do for itself."""
    shutdown.prepare()
    throughput.prepare(sender.concurrency or os.cpu_count() or 1)
    queues = sender.app.amqp.queues
    _roles.extend(queue for queue in publish.QUEUES if queue in queues.consume_from)
    metric_slots.take_role(f"{' '.join(_roles)} parent")
    if publish.SAVE in queues.consume_from and publish.DEAD_QUEUE in queues:
        # Saving is the worker that has time; what was delivered too often is laid aside there.
        queues.select([*queues.consume_from, publish.DEAD_QUEUE])
    if publish.EXTRACT in queues.consume_from:
        logger.info("loading the models", models=[settings.MODEL, *settings.MODELS.values()])
        try:
            load_spacy_models()
        except (OSError, ValueError) as error:
            raise SystemExit(f"INGEST_MODEL or INGEST_MODELS: {error}") from error
    fork_memory.freeze()


@signals.worker_process_init.connect
def prepare_child(**_: Any) -> None:
    """
    Leave it to the parent to stop: a signal to the whole group must not cut the work in hand.

    A parent that is killed takes its children along: what one of them went on working on would be
    in nobody's sight, and its messages are delivered again in any case.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)
    metric_slots.take_role(role := " ".join(_roles))
    tracing.start(settings.TRACES_ENDPOINT, role=role)
    shutdown.attach_child()


@signals.worker_process_shutdown.connect
def send_spans(**_: Any) -> None:
    """Send what is left of traces: a child ends without Python's own end."""
    tracing.stop()


@signals.worker_ready.connect
def reopen_gate(**_: Any) -> None:
    """Let posts in again after a stop of the whole stack; an operator's hand stays on the gate."""
    get_admission().resume("stop")


@signals.worker_ready.connect
def handle_signals(**_: Any) -> None:
    """Replace Celery's own handlers, which are there by now."""
    shutdown.handle_signals()


@signals.worker_shutting_down.connect
def stop_children_waiting(**_: Any) -> None:
    """End every wait for something outside, so that a warm shutdown needs no outage to end."""
    shutdown.notify_children()
