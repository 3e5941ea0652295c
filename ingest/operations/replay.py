"""Replay dead letters at the step where they failed, or discard them."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet
from pydantic import ValidationError

from ingest.broker import publish
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import IntakePaused
from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import AcceptedPost, PostEntities
from ingest.models import DeadLetter, Step
from ingest.operations import audit

CHUNK_SIZE = 100  # dead letters that are admitted together


@dataclass
class ReplayResult:
    """How many dead letters were replayed, and the problem that stopped the replay."""

    replayed: int = 0
    unreadable: int = 0
    problem: str = ""

    def __str__(self) -> str:
        text = f"{self.replayed} replayed"
        if self.unreadable:
            text += f", {self.unreadable} kept because this version cannot read them"
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
        readable = {dead_letter: post for dead_letter in chunk if (post := _post(dead_letter))}
        result.unreadable += len(chunk) - len(readable)
        try:
            _enqueue(readable.values())
        except (IntakePaused, BrokerUnavailable) as error:
            result.problem = str(error)
            break
        _delete(readable, audit.Action.REPLAY, by)
        result.replayed += len(readable)
    return result


def discard(dead_letters: "QuerySet[DeadLetter]", *, by: audit.Actor) -> int:
    """Delete dead letters for good, and return how many."""
    return sum(_delete(chunk, audit.Action.DISCARD, by) for chunk in _chunks(dead_letters))


def _chunks(dead_letters: "QuerySet[DeadLetter]") -> Iterator[list[DeadLetter]]:
    keys = list(dead_letters.values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK_SIZE):
        yield list(DeadLetter.objects.filter(pk__in=keys[start : start + CHUNK_SIZE]))


def _post(dead_letter: DeadLetter) -> AcceptedPost | None:
    kind = AcceptedPost if dead_letter.step == Step.EXTRACT else PostEntities
    try:
        return kind.read(dead_letter.payload)
    except ValidationError:
        return None


def _enqueue(posts: Collection[AcceptedPost]) -> None:
    to_extract = [post for post in posts if not isinstance(post, PostEntities)]
    to_save = [post for post in posts if isinstance(post, PostEntities)]
    with get_admission().admit() as producer:
        publish.enqueue(to_extract, through=producer)
        publish.enqueue_save(to_save, through=producer)


def _delete(dead_letters: Iterable[DeadLetter], action: audit.Action, by: audit.Actor) -> int:
    """Delete dead letters that have not changed: a replayed post may have failed again."""
    deleted = [
        row
        for row in dead_letters
        if DeadLetter.objects.filter(pk=row.pk, last_at=row.last_at).delete()[0]
    ]
    audit.record_all(by, action, [(row.post_id, _detail(row)) for row in deleted])
    return len(deleted)


def _detail(row: DeadLetter) -> str:
    return f"{row.reason} at {row.step}, {row.publication}, attempts: {row.attempts}"
