"""Replay dead letters at the step where they failed, or discard them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone
from pydantic import TypeAdapter, ValidationError

from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import LIVE, IntakePaused
from ingest.broker.connection import BrokerUnavailable
from ingest.broker.message_reader import UnreadableMessage, from_json, read_message
from ingest.core.messages import ExtractMessage, NotifyMessage, SaveMessage
from ingest.models import DeadLetter, DeadLetterReplay, Step
from ingest.nlp.languages import NO_MODEL, model_names
from ingest.operations import audit

# The task and its argument.
Call = tuple[str, Any]

# How this version reads the argument of each task.
ARGUMENTS: Mapping[str, Callable[[Any], Any]] = {
    publish.EXTRACT_TASK: ExtractMessage.read,
    publish.SAVE_TASK: SaveMessage.read,
    publish.BACKFILL_TASK: TypeAdapter(int).validate_python,
    publish.REPLAY_TASK: TypeAdapter(int).validate_python,
    publish.RUN_TASK: TypeAdapter(int).validate_python,
    publish.SUMMARY_TASK: TypeAdapter(str).validate_python,
    publish.NOTIFY_TASK: NotifyMessage.read,
}

CHUNK_SIZE = 100  # dead letters that are admitted together


@dataclass
class ReplayResult:
    """How many dead letters were replayed, and the problem that stopped the replay."""

    replayed: int = 0
    unreadable: int = 0
    without_model: int = 0
    problem: str = ""

    def __str__(self) -> str:
        text = f"{self.replayed} replayed"
        if self.unreadable:
            text += f", {self.unreadable} kept because this version cannot read them"
        if self.without_model:
            text += f", {self.without_model} kept because their language still has no model"
        if self.problem:
            text += f". Stopped: {self.problem}. The other dead letters were kept"
        return text


def replay(dead_letters: "QuerySet[DeadLetter]", *, by: audit.Actor) -> ReplayResult:
    """
    Put the posts of dead letters on their queues again, then delete the dead letters.

    If the process dies in between, a post is replayed again and still counts once. A dead letter
    stays if this version cannot read it, or if admission control refuses its post.
    """
    result = ReplayResult()
    for chunk in _chunks(dead_letters):
        _replay_chunk(chunk, result, by)
        if result.problem:
            break
    return result


def _replay_chunk(chunk: Collection[DeadLetter], result: ReplayResult, by: audit.Actor) -> None:
    """Replay some dead letters, and add the outcome to a result."""
    possible = [row for row in chunk if _has_model(row)]
    result.without_model += len(chunk) - len(possible)
    readable = {row: call for row in possible if (call := _call(row))}
    result.unreadable += len(possible) - len(readable)
    try:
        _enqueue(readable.values())
    except (IntakePaused, BrokerUnavailable) as error:
        result.problem = str(error)
        return
    audit.record_all(by, audit.Action.REPLAY, map(_audited, readable))
    _delete(readable)
    result.replayed += len(readable)


def start(dead_letters: "QuerySet[DeadLetter]", *, by: audit.Actor) -> DeadLetterReplay:
    """Start a replay of many dead letters, which a worker does, a chunk in each step."""
    run = DeadLetterReplay.objects.create(actor=by.name, via=by.via, total=0)
    run.total = DeadLetter.objects.filter(pk__in=dead_letters.values("pk")).update(replay=run)
    run.save(update_fields=["total"])
    try:
        publish.enqueue_replay_step(run.pk)
    except BrokerUnavailable as error:
        _end(run, problem=f"not enqueued, start another replay: {error}")
    return DeadLetterReplay.objects.get(pk=run.pk)


def take_step(pk: int) -> None:
    """
    Replay the next chunk of a replay, then enqueue the next step, or end the replay.

    Raises:
        BrokerUnavailable: the next step is not enqueued; the same step may be repeated.
    """
    run = DeadLetterReplay.objects.filter(pk=pk, ended_at=None).first()
    if run is None:
        return
    chunk = list(run.waiting.order_by("pk")[:CHUNK_SIZE])
    result = ReplayResult()
    _replay_chunk(chunk, result, audit.Actor(run.actor, audit.Via(run.via)))
    if not result.problem:
        DeadLetter.objects.filter(pk__in=[row.pk for row in chunk], replay=run).update(replay=None)
    DeadLetterReplay.objects.filter(pk=pk).update(
        replayed=F("replayed") + result.replayed,
        unreadable=F("unreadable") + result.unreadable,
        without_model=F("without_model") + result.without_model,
    )
    if result.problem or len(chunk) < CHUNK_SIZE:
        _end(run, problem=result.problem)
    else:
        publish.enqueue_replay_step(pk)


def _end(run: DeadLetterReplay, *, problem: str = "") -> None:
    run.waiting.update(replay=None)
    DeadLetterReplay.objects.filter(pk=run.pk, ended_at=None).update(
        ended_at=timezone.now(), problem=problem
    )


def cancel(runs: "QuerySet[DeadLetterReplay]", *, by: audit.Actor) -> int:
    """End replays after the step they are at, and return how many had not ended."""
    open_runs = list(runs.filter(ended_at=None))
    for run in open_runs:
        _end(run, problem=f"cancelled by {by.name}")
        audit.record(by, audit.Action.CANCEL, str(run))
    return len(open_runs)


def discard(dead_letters: "QuerySet[DeadLetter]", *, by: audit.Actor) -> int:
    """Delete dead letters for good, and return how many."""
    discarded = 0
    for chunk in _chunks(dead_letters):
        deleted = _delete(chunk)
        audit.record_all(by, audit.Action.DISCARD, map(_audited, deleted))
        discarded += len(deleted)
    return discarded


def _chunks(dead_letters: "QuerySet[DeadLetter]") -> Iterator[list[DeadLetter]]:
    keys = list(dead_letters.values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK_SIZE):
        yield list(DeadLetter.objects.filter(pk__in=keys[start : start + CHUNK_SIZE]))


def _has_model(dead_letter: DeadLetter) -> bool:
    """Return whether a replay can succeed: without a model, a language's post fails again."""
    if dead_letter.reason != DeadLetter.Reason.LANGUAGE or settings.OTHER_LANGUAGES != "dead":
        return True
    names = model_names(settings.MODEL, settings.MODELS, for_others=False)
    return names.for_language(dead_letter.detail.removeprefix(NO_MODEL)) is not None


def _call(dead_letter: DeadLetter) -> Call | None:
    """Return the task that a dead letter calls again; None if this version cannot read it."""
    payload = dead_letter.payload
    task = publish.SAVE_TASK if dead_letter.step == Step.SAVE else publish.EXTRACT_TASK
    try:
        if dead_letter.reason != DeadLetter.Reason.UNREADABLE:
            argument: Any = {"posts": [payload]}
        elif "raw" in payload:
            call = read_message(from_json(payload["raw"]))
            task, argument = call.task, call.argument
        else:
            argument = payload["message"]
        return task, ARGUMENTS[task](argument)
    except (ValidationError, UnreadableMessage):
        return None


def _enqueue(calls: Collection[Call]) -> None:
    def posts(wanted: str) -> list[Any]:
        return [post for task, argument in calls if task == wanted for post in argument.posts]

    extract, save = posts(publish.EXTRACT_TASK), posts(publish.SAVE_TASK)
    priorities = publish.priorities([*extract, *save]) or LIVE
    with get_admission().admit(priorities) as producer:
        publish.enqueue(extract, through=producer)
        publish.enqueue_save(save, through=producer)
        for task, argument in calls:
            if task == publish.BACKFILL_TASK:
                publish.enqueue_backfill_step(argument, through=producer)
            elif task == publish.SUMMARY_TASK:
                publish.enqueue_summary(argument, through=producer)
            elif task == publish.NOTIFY_TASK:
                publish.enqueue_notify(argument, through=producer)
            elif task == publish.REPLAY_TASK:
                publish.enqueue_replay_step(argument, through=producer)


def _delete(dead_letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Delete and return dead letters that have not changed: a replayed post may fail again."""
    return [
        row
        for row in dead_letters
        if DeadLetter.objects.filter(pk=row.pk, last_at=row.last_at).delete()[0]
    ]


def _audited(row: DeadLetter) -> tuple[str, str]:
    """Return what the audit log has of a dead letter."""
    return row.post_id, f"{row.reason} at {row.step}, {row.publication}, attempts: {row.attempts}"
