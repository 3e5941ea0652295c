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

from ingest import metrics
from ingest.attempts import LATER, attempt, begun_before
from ingest.gather import Delivery
from ingest.messages import AcceptedPost, ExtractMessage, SaveMessage
from ingest.models import DeadLetter, Step
from ingest.posts import digest
from ingest.store import StoreRefused
from ingest.story import portions
from ingest.watchdog import TookTooLong

logger = get_logger()

# So often a post may be begun and leave no trace but a dead process, besides its first delivery:
# once among others, and twice alone, for a process may also die of something else.
ATTEMPTS = 3

P = TypeVar("P", bound=AcceptedPost)
Effect = Callable[[Sequence[P]], object]


def work_through(
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
            _bury_unreadable(step, delivery.payload, error)
            continue
        if delivery.too_often:
            _bury_all(step, posts)
        else:
            (suspects if delivery.redelivered else fresh).extend(posts)
    _together(step, fresh, effect)
    if suspects:
        _counted(step, suspects, effect)


def _together(step: Step, posts: Sequence[P], effect: Effect[P]) -> None:
    if not posts:
        return
    try:
        effect(posts)
    except LATER:
        raise
    except Exception as error:
        name = type(error).__name__  # what it says may hold a post
        logger.warning("each is tried alone", step=step, batch=len(posts), error=name)
        metrics.RETRIES.labels("alone").inc()
        for post in posts:
            _alone(step, post, effect, attempts=2)


def _counted(step: Step, posts: Sequence[P], effect: Effect[P]) -> None:
    """
    Have the effect on posts one of which may be what ended the process before.

    Together first, for most are innocent, and a death may have had hundreds in hand. If that ends
    the process again, each of them was begun before, and is begun alone.
    """
    distinct = {(post.post_id, post.accepted_at): post for post in posts}.values()
    before = begun_before(step, {post.post_id for post in distinct})
    first = [post for post in distinct if post.post_id not in before]
    if first:
        with attempt(step, {post.post_id for post in first}):
            _together(step, first, effect)
    for post in distinct:
        if post.post_id in before:
            _counted_alone(step, post, effect)


def _counted_alone(step: Step, post: P, effect: Effect[P]) -> None:
    with attempt(step, [post.post_id]) as begun:
        if begun > ATTEMPTS:
            detail = f"the process that worked on it ended, {begun} times"
            lay_aside(step, post, DeadLetter.Reason.KILLED, detail, attempts=begun)
        else:
            _alone(step, post, effect, attempts=begun + 1)


def _alone(step: Step, post: P, effect: Effect[P], *, attempts: int) -> None:
    try:
        effect([post])
    except LATER:
        raise
    except Exception as error:
        trace = traceback.format_exc()
        lay_aside(step, post, _reason(error), f"{type(error).__name__}: {error}", trace, attempts)


def _reason(error: Exception) -> DeadLetter.Reason:
    if isinstance(error, TookTooLong):
        return DeadLetter.Reason.TIMEOUT
    if isinstance(error, StoreRefused):
        return DeadLetter.Reason.REFUSED
    return DeadLetter.Reason.FAILED


def _bury_all(step: Step, posts: Sequence[AcceptedPost]) -> None:
    """Lay aside what the broker has given up on, since it never came to an end."""
    for post in posts:
        detail = "its message was delivered too often, and never acknowledged"
        lay_aside(step, post, DeadLetter.Reason.KILLED, detail)


def lay_aside(
    step: Step,
    post: AcceptedPost,
    reason: DeadLetter.Reason,
    detail: str,
    trace: str = "",
    attempts: int = 1,
) -> None:
    """Lay a post aside, once, however often its message is delivered; the last revision stays."""
    (ids,) = portions([post])
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
    _keep(step, post.post_id, fields)


def _keep(step: Step, post_id: str, fields: dict[str, Any]) -> None:
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


def _bury_unreadable(step: Step, payload: object, error: ValidationError) -> None:
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
    _keep(step, post_id, fields)
