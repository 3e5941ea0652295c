"""
What is kept of requests for the holders of keys: refused posts, lists, and answers to repeat.

Refused posts and lists are kept if the database can write them at once. No request waits for them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone
from structlog import get_logger

from ingest.core.messages import AcceptedPost
from ingest.models import IdempotentRequest, RefusedPost, SubmittedList
from ingest.operations.key_uses import without_waiting

MAX_REFUSED = 1000  # of a key, the newest
KEPT = timedelta(days=7)  # lists
REPEATED = timedelta(hours=24)  # answers
TAKEN_OVER = timedelta(minutes=1)  # a request without an answer for so long has died

logger = get_logger()


class OtherRequest(Exception):
    """The Idempotency-Key belongs to a request with another body."""


class StillRunning(Exception):
    """The first request with this Idempotency-Key has no answer yet."""


def remember_refused(posts: Sequence[RefusedPost]) -> None:
    """Keep refused posts of one key, and only the newest of each key."""
    try:
        with without_waiting(), transaction.atomic():
            RefusedPost.objects.bulk_create(posts[-MAX_REFUSED:])
            own = RefusedPost.objects.filter(key_id=posts[0].key_id).order_by("-pk")
            for oldest in own[MAX_REFUSED : MAX_REFUSED + 1]:
                own.filter(pk__lte=oldest.pk).delete()
    except DatabaseError as error:
        logger.warning("refused posts not kept", posts=len(posts), why=str(error))


def remember_list(key_id: int, posts: Sequence[AcceptedPost], *, refused: int) -> str | None:
    """Keep the ids of a list's accepted posts; return the list's name, or None if that failed."""
    try:
        with without_waiting(), transaction.atomic():
            now = timezone.now()
            SubmittedList.objects.filter(accepted_at__lt=now - KEPT).delete()
            return SubmittedList.objects.create(
                key_id=key_id,
                accepted_at=now,
                refused=refused,
                posts=[[post.post_id, post.accepted_at.isoformat()] for post in posts],
            ).name
    except DatabaseError as error:
        logger.warning("list not kept", posts=len(posts), why=str(error))
        return None


def begin(key_id: int, name: str, digest: str) -> Any:
    """
    Begin a request with an Idempotency-Key; return the answer of an equal one, or None.

    Raises:
        OtherRequest, StillRunning: nothing may be done.
    """
    now = timezone.now()
    own = IdempotentRequest.objects.filter(key_id=key_id)
    own.filter(started_at__lt=now - REPEATED).delete()
    row, is_new = own.get_or_create(
        key_id=key_id, name=name, defaults={"digest": digest, "started_at": now}
    )
    if row.digest != digest:
        raise OtherRequest
    if is_new or row.answer is not None:
        return row.answer
    dead = own.filter(name=name, answer__isnull=True, started_at__lt=now - TAKEN_OVER)
    if not dead.update(started_at=now):
        raise StillRunning
    return None


def end(key_id: int, name: str, answer: Any) -> None:
    """Keep the answer of a request, or let the client begin anew if there is none."""
    row = IdempotentRequest.objects.filter(key_id=key_id, name=name)
    if answer is None:
        row.delete()
    else:
        row.update(answer=answer)
