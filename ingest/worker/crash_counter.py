"""
Crash counts: how often a process started a post and died before its end.

A row is in the database before the start, and a finished post deletes it. So a remaining row is
from a process that died, or from one that still works on the post. A post may be in progress twice,
since a client repeats a request without an answer. Only dead processes count against a post.
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

# Outages: no fault of a post, and a retry may succeed.
TRANSIENT_ERRORS = (BrokerUnavailable, StoreUnavailable, OperationalError, InterfaceError)


@contextmanager
def count_crashes(step: Step, post_ids: Collection[str]) -> Iterator[int]:
    """
    Count one more start of posts, durably, before the block; yield the highest count of any post.

    An exception of the block takes the start back, since it is no death of the process. A finished
    block deletes the counts.
    """
    rows = CrashCount.objects.filter(step=step, post_id__in=post_ids)
    with transaction.atomic():
        _lock_rows(step, post_ids)
        crashed = [row for row in rows if not _is_alive(row)]
        counted = CrashCount.objects.filter(pk__in=[row.pk for row in crashed])
        counted.update(
            starts=F("starts") + 1, process=_process_name(os.getpid()), last_at=timezone.now()
        )
        most: int = rows.aggregate(most=Max("starts"))["most"]
    try:
        yield most
    except (Exception, SystemExit, KeyboardInterrupt):
        with transaction.atomic():
            _lock_rows(step, post_ids)
            counted.update(starts=F("starts") - 1, process="")
        raise
    with transaction.atomic():
        _lock_rows(step, post_ids)
        rows.delete()


def clear_counts(step: Step, post_ids: Collection[str]) -> None:
    """Delete the counts of posts that no longer can end their process at this step."""
    CrashCount.objects.filter(step=step, post_id__in=post_ids).delete()


def _lock_rows(step: Step, post_ids: Collection[str]) -> None:
    """
    Lock the rows of posts until the end of the transaction, and make missing ones.

    It locks them in sorted order, so two processes with the same posts cannot deadlock.
    """
    rows = [CrashCount(step=step, post_id=post_id) for post_id in sorted(post_ids)]
    CrashCount.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=("post_id", "step"), update_fields=("step",)
    )


def crashed_before(step: Step, post_ids: Collection[str]) -> set[str]:
    """Return the posts that a dead process started and did not finish."""
    rows = CrashCount.objects.filter(step=step, post_id__in=post_ids, starts__gt=0)
    return {row.post_id for row in rows if not _is_alive(row)}


def _is_alive(row: CrashCount) -> bool:
    """
    Return whether another process that started the post is still alive.

    We cannot see a process on another machine. It counts as alive for the time limit of a step.
    """
    if not row.process or row.process == _process_name(os.getpid()):
        return False
    host, pid, _ = row.process.rsplit(" ", 2)
    if host == socket.gethostname():
        return psutil.pid_exists(int(pid)) and _process_name(int(pid)) == row.process
    return timezone.now() - row.last_at < timedelta(seconds=settings.EXTRACT_SECONDS)


def _process_name(pid: int) -> str:
    """Return a name unique to a process: its host, its pid and the time of its start."""
    try:
        created_at = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        created_at = 0.0
    return f"{socket.gethostname()} {pid} {created_at}"
