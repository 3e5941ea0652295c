"""
How often a post was begun and never ended: the count that a process which dies cannot keep.

It is in the database before the post is begun, and gone when the post has ended. What is left was
begun by a process that died, or by one that is still at it: the same post may be in hand twice,
since a client sends again what it has no answer to. Only the dead ones count against a post.
"""

import os
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psutil
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Max
from django.utils import timezone

from ingest.broker.connection import BrokerUnavailable
from ingest.models import CrashCount, Step
from ingest.store.base import StoreUnavailable

# What is no fault of a post: the same may work later.
TRANSIENT_ERRORS = (BrokerUnavailable, StoreUnavailable, OperationalError, InterfaceError)


@contextmanager
def count_crashes(step: Step, post_ids: Collection[str]) -> Iterator[int]:
    """
    Count one more beginning of posts, durably, while a block works on them; yield the most of any.

    An outage takes it back, for it is nothing against a post. Any other end forgets them all.
    """
    rows = CrashCount.objects.filter(step=step, post_id__in=post_ids)
    with transaction.atomic():
        _lock_rows(step, post_ids)
        counted = [row for row in rows if not _is_alive(row)]
        own = CrashCount.objects.filter(pk__in=[row.pk for row in counted])
        own.update(
            starts=F("starts") + 1, process=_process_name(os.getpid()), last_at=timezone.now()
        )
        most: int = rows.aggregate(most=Max("starts"))["most"]
    try:
        yield most
    except TRANSIENT_ERRORS:
        with transaction.atomic():
            _lock_rows(step, post_ids)
            own.update(starts=F("starts") - 1, process="")
        raise
    with transaction.atomic():
        _lock_rows(step, post_ids)
        rows.delete()


def _lock_rows(step: Step, post_ids: Collection[str]) -> None:
    """
    Make the rows of posts that have none, and let nobody else change or delete any of them.

    All in one order, so that no two processes with the same posts wait for each other.
    """
    new = [CrashCount(step=step, post_id=post_id) for post_id in sorted(post_ids)]
    CrashCount.objects.bulk_create(
        new, update_conflicts=True, unique_fields=("post_id", "step"), update_fields=("step",)
    )


def crashed_before(step: Step, post_ids: Collection[str]) -> set[str]:
    """Return those of some posts that a process began which died before their end."""
    rows = CrashCount.objects.filter(step=step, post_id__in=post_ids, starts__gt=0)
    return {row.post_id for row in rows if not _is_alive(row)}


def _is_alive(row: CrashCount) -> bool:
    """
    Return whether another process that began the post is still alive.

    One on another machine cannot be asked: it is taken to be as long as a step may last.
    """
    if not row.process or row.process == _process_name(os.getpid()):
        return False
    host, pid, _ = row.process.rsplit(" ", 2)
    if host == socket.gethostname():
        return psutil.pid_exists(int(pid)) and _process_name(int(pid)) == row.process
    return timezone.now() - row.last_at < timedelta(seconds=settings.EXTRACT_SECONDS)


def _process_name(pid: int) -> str:
    """Return a name that no other process has, here or elsewhere, now or later."""
    try:
        born = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        born = 0.0
    return f"{socket.gethostname()} {pid} {born}"
