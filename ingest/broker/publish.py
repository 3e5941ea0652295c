"""Publishing messages: the order of the steps, their tasks and their queues."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from celery import current_app
from kombu import Producer, uuid

from ingest.broker.connection import CONNECTION_ERRORS, drop_connection, unavailable_on_error
from ingest.core.messages import (
    AcceptedPost,
    ExtractMessage,
    NotifyMessage,
    PostEntities,
    SaveMessage,
    cut,
)
from ingest.core.posts import Priority
from ingest.observability.tracing import message_span

EXTRACT = "extract"
SAVE = "save"
# By the priority of their posts: the queues of the two steps, in order.
PRIORITY_QUEUES: Mapping[Priority, tuple[str, str]] = {
    "live": (EXTRACT, SAVE),
    "bulk": ("extract.bulk", "save.bulk"),
}
LIVE_QUEUES = PRIORITY_QUEUES["live"]
BULK_QUEUES = dict(zip(LIVE_QUEUES, PRIORITY_QUEUES["bulk"], strict=True))
# Saved posts, for watches and webhooks. It has workers of its own, so that saving never waits.
NOTIFY = "notify"
QUEUES = (*LIVE_QUEUES, *BULK_QUEUES.values(), NOTIFY)
# RabbitMQ moves a message here after too many deliveries. The embedded broker has no such limit.
DEAD_QUEUE = "dead"

EXTRACT_TASK = "ingest.extract_posts"
SAVE_TASK = "ingest.save_posts"
# One step of an alias backfill, which changes saved posts.
BACKFILL_TASK = "ingest.revise_posts"
# One step of a replay of many dead letters.
REPLAY_TASK = "ingest.replay_dead_letters"
# One step of a run over saved posts.
RUN_TASK = "ingest.take_run_step"
# Computes the summary that the pages show of a publication.
SUMMARY_TASK = "ingest.summarise"
# Evaluates watches for saved posts.
NOTIFY_TASK = "ingest.notify"
# Every task that a message may call, with its queue of live posts. Each takes one argument.
TASKS = {
    EXTRACT_TASK: EXTRACT,
    SAVE_TASK: SAVE,
    BACKFILL_TASK: SAVE,
    REPLAY_TASK: SAVE,
    RUN_TASK: SAVE,
    SUMMARY_TASK: SAVE,
    NOTIFY_TASK: NOTIFY,
}
# The task that keeps a message that a worker cannot read. No message on a queue calls it.
UNREADABLE_TASK = "ingest.keep_unreadable"
# The remote-control command that returns a worker's messages in progress, and those started.
IN_PROGRESS_COMMAND = "ingest_in_work"
# The remote-control command that returns a worker's queues, messages in progress and throughput.
STATUS_COMMAND = "ingest_at_work"

# The header with the time at which a message was enqueued, in seconds since 1970.
ENQUEUED_AT = "enqueued_at"
# The header with the number of times that a post reached the broker's delivery limit.
RETURNS = "returns"

# Two messages make a good batch. Larger ones would only make a retry more expensive.
MESSAGE_CHARACTERS = 24_000

NO_HEADERS: Mapping[str, Any] = MappingProxyType({})

AT_ONCE_SECONDS = 0.5  # a connection that fails later may be that of a frozen broker

SAMPLE_SIZE = 3  # post ids of a message that monitors show

P = TypeVar("P", bound=AcceptedPost)


def step_queue(queue: str) -> str:
    """Return the queue of live posts that belongs to the same step as a queue."""
    return next((live for live, bulk in BULK_QUEUES.items() if bulk == queue), queue)


def priority_of(post: AcceptedPost) -> Priority:
    """Return the priority of a post, which is live if it says nothing."""
    return post.priority or "live"


def priorities(posts: Iterable[AcceptedPost]) -> set[Priority]:
    """Return the priorities of posts, for `admit`."""
    return {priority_of(post) for post in posts}


def enqueue(posts: Sequence[AcceptedPost], *, through: Producer | None = None) -> None:
    """
    Publish accepted posts for extraction, through any producer or the one of `admit`.

    Raises:
        BrokerUnavailable: some may be on the queue; publishing all of them again is safe.
    """
    for queue, group in _messages(EXTRACT, posts):
        _publish(EXTRACT_TASK, queue, ExtractMessage(posts=group), through)


def enqueue_save(posts: Sequence[PostEntities], *, through: Producer | None = None) -> None:
    """
    Publish extracted posts for saving.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    for queue, group in _messages(SAVE, posts):
        _publish(SAVE_TASK, queue, SaveMessage(posts=group), through)


def _messages(step: str, posts: Iterable[P]) -> Iterator[tuple[str, tuple[P, ...]]]:
    """Yield the posts of each message with its queue; no message mixes live and bulk posts."""
    by_queue: dict[str, list[P]] = {}
    for post in posts:
        by_queue.setdefault(_queue(step, post), []).append(post)
    for queue, own in by_queue.items():
        for group in cut(own, characters=MESSAGE_CHARACTERS):
            yield queue, group


def _queue(step: str, post: AcceptedPost) -> str:
    return step if priority_of(post) == "live" else BULK_QUEUES[step]


def return_posts(step: str, posts: Sequence[AcceptedPost], returns: int) -> None:
    """
    Publish posts again, each in a message of its own, which the broker has delivered too often.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    task, kind = (SAVE_TASK, SaveMessage) if step == SAVE else (EXTRACT_TASK, ExtractMessage)
    for post in posts:
        message = kind(posts=(post,))  # type: ignore[arg-type]
        _publish(task, _queue(step, post), message, None, headers={RETURNS: returns})


def enqueue_again(task: str, queue: str, payload: Any, *, returns: int) -> None:
    """
    Publish the payload of a message anew, on its queue.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    _send(task, queue, payload, shown="again, after an outage", headers={RETURNS: returns})


def enqueue_backfill_step(backfill_id: int, *, through: Producer | None = None) -> None:
    """
    Publish the next step of an alias backfill.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    _send(BACKFILL_TASK, SAVE, backfill_id, through, shown=f"alias backfill {backfill_id}")


def enqueue_replay_step(replay_id: int, *, through: Producer | None = None) -> None:
    """
    Publish the next step of a replay of dead letters.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    _send(REPLAY_TASK, SAVE, replay_id, through, shown=f"replay {replay_id}")


def enqueue_run_step(run_id: int, *, through: Producer | None = None) -> None:
    """
    Publish the next step of a run over saved posts.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    _send(RUN_TASK, SAVE, run_id, through, shown=f"run {run_id}")


def enqueue_summary(pub_id: str, *, through: Producer | None = None) -> None:
    """
    Publish a request for a new summary of a publication.

    Raises:
        BrokerUnavailable: the pages go on showing the last summary.
    """
    _send(SUMMARY_TASK, SAVE, pub_id, through, shown=pub_id)


def enqueue_notify(saved: NotifyMessage, *, through: Producer | None = None) -> None:
    """
    Publish saved posts for the evaluation of watches.

    Raises:
        BrokerUnavailable: as `enqueue`.
    """
    shown = _shown_posts([post.post_id for post in saved.saved])
    _send(NOTIFY_TASK, NOTIFY, saved.payload(), through, shown=shown)


def _publish(
    task: str,
    queue: str,
    message: ExtractMessage | SaveMessage,
    through: Producer | None,
    *,
    headers: Mapping[str, Any] = NO_HEADERS,
) -> None:
    shown = _shown_posts([post.post_id for post in message.posts])
    _send(task, queue, message.payload(), through, shown=shown, headers=headers)


def _shown_posts(post_ids: Sequence[str]) -> str:
    """Return the number and some ids of posts for monitors, which must not show their text."""
    more = ", …" if len(post_ids) > SAMPLE_SIZE else ""
    plural = "" if len(post_ids) == 1 else "s"
    return f"{len(post_ids)} post{plural}: {', '.join(post_ids[:SAMPLE_SIZE])}{more}"


def _send(
    task: str,
    queue: str,
    argument: Any,
    through: Producer | None = None,
    *,
    shown: str,
    headers: Mapping[str, Any] = NO_HEADERS,
) -> None:
    """
    Publish one message, and wait until the broker or the buffer of `admit` has it.

    A connection of the pool may be dead since the broker restarted. It fails at once, and the
    message is published again through a new one.
    """
    with (
        message_span(queue),
        unavailable_on_error(),
        current_app.producer_or_acquire(through) as producer,
    ):
        began = time.monotonic()
        send = partial(
            _send_once,
            producer,
            task,
            queue,
            argument,
            shown=shown,
            headers={ENQUEUED_AT: time.time(), **headers},
        )
        try:
            send()
        except CONNECTION_ERRORS as error:
            drop_connection(producer.connection)
            # Celery wraps errors of the connection and of the channel alike.
            dead = producer.connection.recoverable_connection_errors
            is_dead = isinstance(error.__cause__ or error, dead)
            if not is_dead or time.monotonic() - began > AT_ONCE_SECONDS:
                raise
            producer.revive(producer.connection)
            send()


def _send_once(
    producer: Producer,
    task: str,
    queue: str,
    argument: Any,
    *,
    shown: str,
    headers: Mapping[str, Any],
) -> None:
    """Publish what Celery's `send_task` does, without its search for routes and options."""
    amqp = current_app.amqp
    is_amqp = producer.connection is None or producer.connection.transport.driver_type == "amqp"
    message = amqp.as_task_v2(
        uuid(), task, (argument,), argsrepr=f"({shown})", kwargsrepr="{}", ignore_result=True
    )
    amqp.send_task_message(
        producer,
        task,
        message,
        queue=queue,
        headers=headers,
        # Redis makes a list with its first message. RabbitMQ needs the queue before.
        declare=None if is_amqp else [],
        # If the queue is gone, fail instead of dropping the message.
        mandatory=True,
        # With retries, a frozen broker would hold a request for half a minute.
        retry=False,
    )
