"""How a dead letter goes back on its way: as the message it was, to the step where it died."""

from pydantic import ValidationError

from ingest import pipeline
from ingest.gate import the_gate
from ingest.messages import AcceptedPost, PostEntities
from ingest.models import DeadLetter, Step


class Unreadable(Exception):
    """The letter holds no message that this version can read."""


def replay(letter: DeadLetter) -> None:
    """
    Put a dead letter's post on its queue again, and forget the letter.

    A death between the two replays it once more, and its post still counts once.

    Raises:
        Unreadable: the letter stays.
        GateClosed, BrokerUnavailable: the letter stays.
    """
    try:
        with the_gate().passage() as producer:
            if letter.step == Step.EXTRACT:
                pipeline.enqueue([AcceptedPost.read(letter.payload)], through=producer)
            else:
                pipeline.after_extract([PostEntities.read(letter.payload)], through=producer)
    except ValidationError as error:
        raise Unreadable from error
    letter.delete()
