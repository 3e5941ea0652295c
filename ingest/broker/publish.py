"""The order of the steps: which task follows which, on which queue, and how it gets there."""

import time
from collections.abc import Sequence
from typing import Any

from celery import current_app
from kombu import Producer

from ingest.broker.connection import unavailable_on_error
from ingest.core.messages import AcceptedPost, ExtractMessage, PostEntities, SaveMessage, cut

EXTRACT = "extract"
SAVE = "save"
QUEUES = (EXTRACT, SAVE)
# Where RabbitMQ puts what it has delivered too often; the embedded broker has no such limit.
DEAD_QUEUE = "dead"

EXTRACT_TASK = "ingest.extract_posts"
SAVE_TASK = "ingest.save_posts"
# It stands beside the way of a post: one step of a run through posts that are saved already.
BACKFILL_TASK = "ingest.revise_posts"
# And another: what the pages show is made where there is time for it.
SUMMARY_TASK = "ingest.summarise"
# The remote control command by which a worker says how many messages it has in hand, and has begun.
IN_PROGRESS_COMMAND = "ingest_in_work"
# And the one by which it tells its queues, what it has in hand, and how fast it goes.
STATUS_COMMAND = "ingest_at_work"

# The header that says when a message was enqueued, in seconds since 1970.
ENQUEUED_AT = "enqueued_at"

# Two messages make a good batch; larger ones would only make a retry dearer.
MESSAGE_CHARACTERS = 24_000

SAMPLE_SIZE = 3  # ids of a message's posts, to whoever watches the queues


def enqueue(posts: Sequence[AcceptedPost], *, through: Producer | None = None) -> None:
    """
    Put accepted posts on the way, by any producer or by the one that passes the gate.

    Raises:
        BrokerUnavailable: some may be on the way; sending all of them again counts none twice.
    """
    for group in cut(posts, characters=MESSAGE_CHARACTERS):
        _publish(EXTRACT_TASK, EXTRACT, ExtractMessage(posts=group), through)


def enqueue_save(posts: Sequence[PostEntities], *, through: Producer | None = None) -> None:
    """
    Hand posts over whose entities were found.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    for group in cut(posts, characters=MESSAGE_CHARACTERS):
        _publish(SAVE_TASK, SAVE, SaveMessage(posts=group), through)


def enqueue_backfill_step(run: int) -> None:
    """
    Ask for the next step of a run through saved posts.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    _send(BACKFILL_TASK, SAVE, run, shown=f"run {run}")


def enqueue_summary(pub_id: str, *, through: Producer | None = None) -> None:
    """
    Ask for what the pages show of a publication to be made anew.

    Raises:
        BrokerUnavailable: the pages go on showing what was made last.
    """
    _send(SUMMARY_TASK, SAVE, pub_id, through, shown=pub_id)


def _publish(
    task: str, queue: str, message: ExtractMessage | SaveMessage, through: Producer | None
) -> None:
    shown = _shown([post.post_id for post in message.posts])
    _send(task, queue, message.payload(), through, shown=shown)


def _shown(post_ids: Sequence[str]) -> str:
    """Return what monitors show of posts: how many, and which; their text is nobody's there."""
    more = ", …" if len(post_ids) > SAMPLE_SIZE else ""
    plural = "" if len(post_ids) == 1 else "s"
    return f"{len(post_ids)} post{plural}: {', '.join(post_ids[:SAMPLE_SIZE])}{more}"


def _send(
    task: str, queue: str, argument: Any, through: Producer | None = None, *, shown: str
) -> None:
    """Publish one message, and wait until the broker has it or the gate holds it back."""
    with unavailable_on_error(), current_app.producer_or_acquire(through) as producer:
        current_app.send_task(
            task,
            (argument,),
            queue=queue,
            producer=producer,
            argsrepr=f"({shown})",
            kwargsrepr="{}",
            headers={ENQUEUED_AT: time.time()},
            # A queue that is not there any more is an error, and not a message that is dropped.
            mandatory=True,
            # A frozen broker would hold a request for half a minute; the client can try again.
            retry=False,
        )
