"""The workers that are there, and what each says of itself."""

from dataclasses import dataclass

from celery import current_app

from ingest.broker import broker_calls
from ingest.pipeline import AT_WORK

ANSWER_SECONDS = 1.0


@dataclass(frozen=True)
class Worker:
    """A worker that answers: its queues, the messages it has in hand, its posts of a minute."""

    name: str
    queues: tuple[str, ...]
    in_hand: int
    posts: int


def ask_workers() -> list[Worker]:
    """
    Return the workers that answer in time, by name.

    Nobody knows how many there ought to be, so it always takes as long as that.

    Raises:
        BrokerUnavailable: nobody can be asked.
    """
    with broker_calls():
        answers = current_app.control.broadcast(AT_WORK, reply=True, timeout=ANSWER_SECONDS)
    said = {name: words for answer in answers or () for name, words in answer.items()}
    return [
        Worker(name, tuple(queues), in_hand, posts)
        for name, (queues, in_hand, posts) in sorted(said.items())
    ]
