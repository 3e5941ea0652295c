"""
How one bad post is kept from its neighbours: tried alone, counted, and laid aside.

A batch that fails is tried again post by post, and a post that fails alone becomes a dead letter.
A post that ends its process leaves no exception; its message is delivered again, so the posts of
such a message are counted in the database before they are begun: together, and after another death
each alone.
"""

import json
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from django.utils import timezone
from pydantic import ValidationError
from structlog import get_logger

from ingest.core.messages import AcceptedPost, ExtractMessage, SaveMessage
from ingest.core.posts import digest
from ingest.models import DeadLetter, Step
from ingest.observability import metrics
from ingest.observability.post_log import chunk_ids
from ingest.process.time_limit import TimeLimitExceeded
from ingest.store.base import StoreRefused
from ingest.worker.batching import Delivery
from ingest.worker.crash_counter import TRANSIENT_ERRORS, count_crashes, crashed_before

logger = get_logger()

# So often a post may be begun and leave no trace but a dead process, besides its first delivery:
# once among others, and twice alone, for a process may also die of something else.
MAX_CRASHES = 3

P = TypeVar("P", bound=AcceptedPost)
Effect = Callable[[Sequence[P]], object]


def process_batch(
    step: Step,
    deliveries: Sequence[Delivery],
    message: type[ExtractMessage] | type[SaveMessage],
    effect: Effect[P],
) -> None:
    """
    Have an effect on every post of the deliveries, or lay it aside as a dead letter.

    It may be repeated as a whole: the effect counts a post once, and so does a dead letter.

    Raises:
        BrokerUnavailable, StoreUnavailable, or the database is away: some posts are not done.
    """
    fresh: list[P] = []
    suspects: list[P] = []
    for delivery in deliveries:
        try:
            posts = cast(Sequence[P], message.read(delivery.payload).posts)
        except ValidationError as error:
            dead_letter_unreadable(step, delivery.payload, error)
            continue
        if delivery.too_often:
            dead_letter_all(step, posts)
        else:
            (suspects if delivery.redelivered else fresh).extend(posts)
    run_batch(step, fresh, effect)
    if suspects:
        run_suspects(step, suspects, effect)


def run_batch(step: Step, posts: Sequence[P], effect: Effect[P]) -> None:
    if not posts:
        return
    try:
        effect(posts)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:
        name = type(error).__name__  # what it says may hold a post
        logger.warning("each is tried alone", step=step, batch=len(posts), error=name)
        metrics.RETRIES.labels("alone").inc()
        for post in posts:
            run_single(step, post, effect, attempts=2)


def run_suspects(step: Step, posts: Sequence[P], effect: Effect[P]) -> None:
    """
    Have the effect on posts one of which may be what ended the process before.

    Together first, for most are innocent, and a death may have had hundreds in hand. If that ends
    the process again, each of them was begun before, and is begun alone.
    """
    distinct = {(post.post_id, post.accepted_at): post for post in posts}.values()
    before = crashed_before(step, {post.post_id for post in distinct})
    first = [post for post in distinct if post.post_id not in before]
    if first:
        with count_crashes(step, {post.post_id for post in first}):
            run_batch(step, first, effect)
    for post in distinct:
        if post.post_id in before:
            _run_suspect(step, post, effect)


def _run_suspect(step: Step, post: P, effect: Effect[P]) -> None:
    with count_crashes(step, [post.post_id]) as starts:
        if starts > MAX_CRASHES:
            detail = f"the process that worked on it ended, {starts} times"
            dead_letter(step, post, DeadLetter.Reason.KILLED, detail, attempts=starts)
        else:
            run_single(step, post, effect, attempts=starts + 1)


def run_single(step: Step, post: P, effect: Effect[P], *, attempts: int) -> None:
    try:
        effect([post])
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


def dead_letter_all(step: Step, posts: Sequence[AcceptedPost]) -> None:
    """Lay aside what the broker has given up on, since it never came to an end."""
    for post in posts:
        detail = "its message was delivered too often, and never acknowledged"
        dead_letter(step, post, DeadLetter.Reason.KILLED, detail)


def dead_letter(
    step: Step,
    post: AcceptedPost,
    reason: DeadLetter.Reason,
    detail: str,
    trace: str = "",
    attempts: int = 1,
) -> None:
    """Lay a post aside, once, however often its message is delivered; the last revision stays."""
    (ids,) = chunk_ids([post])
    logger.error("dead letter", posts=ids, step=step, reason=reason, attempts=attempts)
    if _is_older_than_letter(step, post):
        return
    fields = {
        "publication": post.publication,
        "reason": reason,
        "detail": _printable(detail),
        "trace": _printable(trace),
        "attempts": attempts,
        "payload": post.payload(),
        "last_at": timezone.now(),
    }
    _save_letter(step, post.post_id, fields)


def _save_letter(step: Step, post_id: str, fields: dict[str, Any]) -> None:
    _, is_new = DeadLetter.objects.update_or_create(post_id=post_id, step=step, defaults=fields)
    if is_new:
        metrics.DEAD.labels(step, fields["reason"]).inc()


def _printable(text: str) -> str:
    """Return a text as every database can keep it: an exception may say anything."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _is_older_than_letter(step: Step, post: AcceptedPost) -> bool:
    letter = DeadLetter.objects.filter(post_id=post.post_id, step=step).first()
    laid_aside = letter.accepted_at if letter else None
    return laid_aside is not None and laid_aside > post.accepted_at


def dead_letter_unreadable(step: Step, payload: object, error: ValidationError) -> None:
    """Lay a whole message aside that no version of ours wrote."""
    logger.error("dead letter", step=step, reason="unreadable", faults=error.error_count())
    fields = {
        "publication": "",
        "reason": DeadLetter.Reason.UNREADABLE,
        "detail": _printable(str(error)),
        "attempts": 1,
        "payload": {"message": payload},
        "last_at": timezone.now(),
    }
    post_id = digest(json.dumps(payload, sort_keys=True))
    _save_letter(step, post_id, fields)
