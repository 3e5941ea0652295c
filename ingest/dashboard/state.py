"""The state of the pipeline, as the dashboard's start page shows it."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count

from ingest.broker.admission import get_admission
from ingest.broker.admission.base import UNAVAILABLE, Backlog, IntakeState, low_watermark
from ingest.broker.inspect import WorkerStatus, list_workers
from ingest.broker.publish import QUEUES
from ingest.models import DeadLetter
from ingest.observability.probe import Probe, ask_all
from ingest.store import open_store

TIMEOUT_SECONDS = 3.0  # for all parts that a page shows


@dataclass(frozen=True)
class QueueState:
    """A queue: its waiting messages, the oldest one's age, its workers, and posts per minute."""

    name: str
    waiting: int | None
    oldest: str
    workers: int | None
    posts: int | None  # that its workers processed in the last minute


@dataclass(frozen=True)
class PipelineState:
    """The state of the pipeline. A part that does not answer is None, and in `problems`."""

    intake: IntakeState
    backlog: Backlog | None
    queues: list[QueueState]
    workers: list[WorkerStatus] | None
    dead_letters: list[tuple[str, str, int]]  # reason, its text, number
    problems: list[str]
    low_watermark: int


def read_state() -> PipelineState:
    """Read all parts at the same time, within a few seconds."""
    store = open_store()
    admission, workers, saved = ask_all(
        Probe("The broker", get_admission().backlog),
        Probe("The workers' broker", list_workers),
        Probe("The store", lambda: store.publications(limit=1)),
        seconds=TIMEOUT_SECONDS,
    )
    backlog = admission.found
    problems = [admission.problem or workers.problem, saved.problem]  # one broker is one problem
    return PipelineState(
        intake=backlog.state(settings.QUEUE_LIMIT) if backlog else UNAVAILABLE,
        backlog=backlog,
        queues=[_queue(name, backlog, workers.found) for name in QUEUES],
        workers=workers.found,
        dead_letters=_dead_letters(),
        problems=[problem for problem in problems if problem],
        low_watermark=low_watermark(settings.QUEUE_LIMIT),
    )


def _queue(name: str, backlog: Backlog | None, workers: list[WorkerStatus] | None) -> QueueState:
    own = None if workers is None else [worker for worker in workers if name in worker.queues]
    return QueueState(
        name=name,
        waiting=backlog.waiting.get(name, 0) if backlog else None,
        oldest=format_seconds(backlog.oldest.get(name)) if backlog else "",
        workers=None if own is None else len(own),
        posts=None if own is None else sum(worker.posts for worker in own),
    )


def format_seconds(seconds: float | None) -> str:
    """Format a time in the largest unit of which it has at least one: 40 s, 3 min, 2 h, 5 d."""
    if seconds is None:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _dead_letters() -> list[tuple[str, str, int]]:
    """Return each reason, its text, and the number of dead letters with it."""
    counts = DeadLetter.objects.order_by().values_list("reason").annotate(Count("pk"))
    texts = dict(DeadLetter.Reason.choices)
    return sorted((reason, texts.get(reason, reason), count) for reason, count in counts)
