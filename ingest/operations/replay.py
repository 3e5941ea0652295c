"""What becomes of dead letters: the way back to the step where they died, or the end."""

from collections.abc import Iterable, Iterator
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

CHUNK_SIZE = 100  # letters that pass the gate at once


@dataclass
class ReplayResult:
    """What became of letters that were to be replayed, and why not of the rest."""

    replayed: int = 0
    unreadable: int = 0
    problem: str = ""

    def __str__(self) -> str:
        said = [f"{self.replayed} replayed"]
        if self.unreadable:
            said.append(f"{self.unreadable} still no message of ours, which stay")
        if self.problem:
            said.append(f"then: {self.problem}; the others stay")
        return ", ".join(said)


def replay(letters: "QuerySet[DeadLetter]", *, by: audit.Actor) -> ReplayResult:
    """
    Put dead letters' posts on their queues again, and forget the letters.

    A death between the two replays a post once more, and it still counts once. What this version
    cannot read stays, and so does what cannot pass the gate now.
    """
    outcome = ReplayResult()
    for group in _grouped(letters):
        readable = {letter: post for letter in group if (post := _post(letter))}
        outcome.unreadable += len(group) - len(readable)
        try:
            _send(readable)
        except (IntakePaused, BrokerUnavailable) as error:
            outcome.problem = str(error)
            break
        _forget(readable, audit.Action.REPLAY, by)
        outcome.replayed += len(readable)
    return outcome


def discard(letters: "QuerySet[DeadLetter]", *, by: audit.Actor) -> int:
    """Forget dead letters for good, and return how many."""
    return sum(_forget(group, audit.Action.DISCARD, by) for group in _grouped(letters))


def _grouped(letters: "QuerySet[DeadLetter]") -> Iterator[list[DeadLetter]]:
    keys = list(letters.values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK_SIZE):
        yield list(DeadLetter.objects.filter(pk__in=keys[start : start + CHUNK_SIZE]))


def _post(letter: DeadLetter) -> AcceptedPost | None:
    kind = AcceptedPost if letter.step == Step.EXTRACT else PostEntities
    try:
        return kind.read(letter.payload)
    except ValidationError:
        return None


def _send(posts: dict[DeadLetter, AcceptedPost]) -> None:
    texts = [post for post in posts.values() if not isinstance(post, PostEntities)]
    found = [post for post in posts.values() if isinstance(post, PostEntities)]
    with get_admission().admit() as producer:
        publish.enqueue(texts, through=producer)
        publish.enqueue_save(found, through=producer)


def _forget(letters: Iterable[DeadLetter], what: audit.Action, by: audit.Actor) -> int:
    """Forget letters as they were read: one that has died again since then is another."""
    forgotten = [
        letter
        for letter in letters
        if DeadLetter.objects.filter(pk=letter.pk, last_at=letter.last_at).delete()[0]
    ]
    audit.record_all(by, what, [(letter.post_id, _told(letter)) for letter in forgotten])
    return len(forgotten)


def _told(letter: DeadLetter) -> str:
    return f"{letter.reason} at {letter.step}, {letter.publication}, attempts: {letter.attempts}"
