"""
Failure isolation: one bad post becomes a dead letter, and its neighbours pass.

If a batch fails, the worker tries its posts one by one. A post that fails alone becomes a dead
letter. A post that kills its process leaves no exception, but the broker redelivers its message.
So the posts of redelivered messages are suspects: the worker counts each start in the database. It
tries them together first, and each alone after another crash.
"""

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from django.utils import timezone
from pydantic import ValidationError
from structlog import get_logger

from ingest.broker import publish
from ingest.core.messages import AcceptedPost, ExtractMessage, SaveMessage
from ingest.core.posts import digest
from ingest.models import DeadLetter, Step, Webhook, delete_until
from ingest.notify import events
from ingest.observability import metrics
from ingest.observability.post_log import chunk_ids
from ingest.process.time_limit import TimeLimitExceeded
from ingest.store import open_store
from ingest.store.base import StoreRefused, StoreUnavailable
from ingest.worker.batching import Delivery
from ingest.worker.crash_counter import (
    TRANSIENT_ERRORS,
    clear_counts,
    count_crashes,
    crashed_before,
)
from ingest.worker.saved_posts import publish_saved

logger = get_logger()

# The crashes allowed after the first delivery: one among others, and two alone, since a process may
# die for another reason.
MAX_CRASHES = 3

# A post that reaches the broker's delivery limit more often becomes a dead letter. Since the first
# time it has a message of its own, so its company is no longer the reason.
MAX_RETURNS = 3

P = TypeVar("P", bound=AcceptedPost)
# Says that posts no longer can end the process: a death from here on is nothing against them.
Survived = Callable[[], object]
Effect = Callable[[Sequence[P], Survived], object]


def nothing_to_tell() -> None:
    """Tell nobody that posts survived, since their starts are not counted."""


def process_batch(
    step: Step,
    deliveries: Sequence[Delivery],
    message: type[ExtractMessage] | type[SaveMessage],
    effect: Effect[P],
) -> None:
    """
    Apply an effect to every post of the deliveries, or dead-letter the post.

    A repeated call is safe: the effect counts a post once, and a post has one dead letter.

    Raises:
        TRANSIENT_ERRORS: an outage of the broker, the store or the database; some posts remain.
    """
    fresh: list[P] = []
    suspects: list[P] = []
    for delivery in deliveries:
        if delivery.problem:
            dead_letter_message(delivery.payload, delivery.problem)
            continue
        try:
            posts = cast(Sequence[P], message.read(delivery.payload).posts)
        except ValidationError as error:
            dead_letter_unreadable(step, {"message": delivery.payload}, str(error))
            continue
        if delivery.too_often:
            return_posts(step, posts, delivery.returns + 1)
        else:
            (suspects if delivery.redelivered else fresh).extend(posts)
    run_batch(step, fresh, effect)
    if suspects:
        run_suspects(step, suspects, effect)


def give_back(task: str, deliveries: Sequence[Delivery]) -> None:
    """
    Publish the messages of deliveries anew, for the caller to acknowledge the old ones.

    Raises:
        TRANSIENT_ERRORS: some messages may be on the queue twice, which counts no post twice.
    """
    logger.warning("given back in an outage", messages=len(deliveries), task=task)
    for delivery in deliveries:
        if delivery.problem:
            dead_letter_message(delivery.payload, delivery.problem)
        else:
            queue = publish.TASKS[task] if delivery.too_often else delivery.queue
            publish.enqueue_again(task, queue, delivery.payload, returns=delivery.returns)


def run_batch(
    step: Step, posts: Sequence[P], effect: Effect[P], survived: Survived = nothing_to_tell
) -> None:
    """Apply an effect to posts together, or to each alone if that fails."""
    if not posts:
        return
    try:
        effect(posts, survived)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:
        name = type(error).__name__  # the message of the error may contain a post
        logger.warning("trying each post alone", step=step, batch=len(posts), error=name)
        metrics.RETRIES.labels("alone").inc()
        for post in posts:
            run_single(step, post, effect, attempts=2)


def run_suspects(step: Step, posts: Sequence[P], effect: Effect[P]) -> None:
    """
    Apply an effect to posts of redelivered messages, one of which may have killed a process.

    It tries them together first, since most are good and a crash may affect hundreds. After
    another crash, it tries each alone, unless the store has it by now.
    """
    distinct = {(post.post_id, post.accepted_at): post for post in posts}.values()
    crashed = crashed_before(step, {post.post_id for post in distinct})
    first = [post for post in distinct if post.post_id not in crashed]
    if first:
        ids = {post.post_id for post in first}
        with count_crashes(step, ids):
            run_batch(step, first, effect, partial(clear_counts, step, ids))
    for post in distinct:
        if post.post_id in crashed:
            _run_suspect(step, post, effect)


def _run_suspect(step: Step, post: P, effect: Effect[P]) -> None:
    if step == Step.SAVE and _is_saved(step, post):
        publish_saved([post])  # its process may have died before it did
        clear_counts(step, [post.post_id])
        return
    survived = partial(clear_counts, step, [post.post_id])
    with count_crashes(step, [post.post_id]) as starts:
        if starts > MAX_CRASHES:
            detail = f"the process that worked on it died {starts} times"
            dead_letter(step, post, DeadLetter.Reason.KILLED, detail, attempts=starts)
        else:
            run_single(step, post, effect, survived, attempts=starts + 1)


def run_single(
    step: Step,
    post: P,
    effect: Effect[P],
    survived: Survived = nothing_to_tell,
    *,
    attempts: int,
) -> None:
    """Apply an effect to one post, or dead-letter it."""
    try:
        effect([post], survived)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:
        trace = traceback.format_exc()
        dead_letter(step, post, _reason(error), f"{type(error).__name__}: {error}", trace, attempts)


def _reason(error: Exception) -> DeadLetter.Reason:
    if isinstance(error, TimeLimitExceeded):
        return DeadLetter.Reason.TIMEOUT
    if isinstance(error, StoreRefused):
        return DeadLetter.Reason.REFUSED
    return DeadLetter.Reason.FAILED


def return_posts(step: Step, posts: Sequence[AcceptedPost], returns: int) -> None:
    """
    Enqueue each post of a message that reached the broker's delivery limit, in one of its own.

    Most such posts are innocent: a message counts the deaths of its company and of its workers. A
    post that returns too often becomes a dead letter.
    """
    if returns > MAX_RETURNS:
        detail = "the broker delivered its message too often, without an acknowledgement"
        for post in posts:
            dead_letter(step, post, DeadLetter.Reason.KILLED, detail, attempts=returns)
        return
    logger.warning("delivery limit reached", step=step, posts=chunk_ids(posts), returns=returns)
    publish.return_posts(publish.SAVE if step == Step.SAVE else publish.EXTRACT, posts, returns)


def dead_letter(
    step: Step,
    post: AcceptedPost,
    reason: DeadLetter.Reason,
    detail: str,
    trace: str = "",
    attempts: int = 1,
) -> None:
    """
    Dead-letter a post, once per step and post; its dead letter keeps the last revision.

    A post that the store has is not dead: its process died after the commit.
    """
    if (step == Step.SAVE or reason == DeadLetter.Reason.KILLED) and _is_saved(step, post):
        publish_saved([post])
        return
    (ids,) = chunk_ids([post])
    logger.error("dead letter", posts=ids, step=step, reason=reason, attempts=attempts)
    if _is_older_revision(step, post):
        return
    fields = {
        "publication": post.publication,
        "reason": reason,
        "detail": _printable(detail),
        "trace": _printable(trace),
        "attempts": attempts,
        "payload": post.payload(),
        "key_id": post.key_id,
        "last_at": timezone.now(),
    }
    _save_dead_letter(step, post.post_id, fields)
    data = {name: getattr(post, name) for name in ("own_id", "publication", "title", "url")}
    events.record_for_publisher(
        Webhook.Event.DEAD,
        post.key_id,
        {"id": post.post_id, **data, "step": str(step), "reason": str(reason)},
        post.post_id,
        step,
        post.accepted_at.isoformat(),
    )


def _save_dead_letter(step: Step, post_id: str, fields: dict[str, Any]) -> None:
    defaults = {**fields, "replay": None}  # what failed again waits for no replay
    _, is_new = DeadLetter.objects.update_or_create(post_id=post_id, step=step, defaults=defaults)
    if is_new:
        metrics.DEAD.labels(step, fields["reason"]).inc()


def _is_saved(step: Step, post: AcceptedPost) -> bool:
    """Return whether the store has the revision; the extract step does not wait for the store."""
    try:
        return open_store().get_record(post.post_id).covers(post)
    except StoreUnavailable:
        if step == Step.SAVE:
            raise
        return False


def _printable(text: str) -> str:
    """Return a text that every database accepts; an exception may contain any character."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def settle_dead_letters(posts: Sequence[AcceptedPost]) -> None:
    """Delete the dead letters of saved posts, unless one is of a later revision."""
    for row in delete_until({post.post_id: post.accepted_at for post in posts}):
        logger.info("dead letter settled", posts=row.post_id, step=row.step)


def _is_older_revision(step: Step, post: AcceptedPost) -> bool:
    """Return whether a newer revision of the post is a dead letter already."""
    saved = DeadLetter.objects.filter(post_id=post.post_id, step=step).first()
    saved_at = saved.accepted_at if saved else None
    return saved_at is not None and saved_at > post.accepted_at


def dead_letter_message(message: Mapping[str, Any], problem: str) -> None:
    """Dead-letter a message that this version cannot read, as `as_json` returned it."""
    queue = publish.TASKS.get(str(message["headers"].get("task")), message["queue"])
    step = Step.SAVE if publish.step_queue(queue) == publish.SAVE else Step.EXTRACT
    dead_letter_unreadable(step, {"raw": message}, problem)


def dead_letter_unreadable(step: Step, payload: Mapping[str, Any], problem: str) -> None:
    """Dead-letter what this version cannot read, once, however often it is delivered."""
    logger.error("dead letter", step=step, reason="unreadable")
    fields = {
        "publication": "",
        "reason": DeadLetter.Reason.UNREADABLE,
        "detail": _printable(problem),
        "attempts": 1,
        "payload": (kept := json.loads(json.dumps(payload, default=repr))),
        "last_at": timezone.now(),
    }
    _save_dead_letter(step, digest(json.dumps(kept, sort_keys=True)), fields)
