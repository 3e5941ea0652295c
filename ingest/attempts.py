"""
How often a post was begun and never ended: the count that a process which dies cannot keep.

It is in the database before the post is begun, and gone when the post has ended. What is left was
begun by a process that died, or by one that is still at it: the same post may be in hand twice,
since a client sends again what it has no answer to. Only the dead ones count against a post.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psutil
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from ingest.broker import BrokerUnavailable
from ingest.models import Attempt, Step
from ingest.store import StoreUnavailable

# What is no fault of a post: the same may work later.
LATER = (BrokerUnavailable, StoreUnavailable, OperationalError, InterfaceError)


@contextmanager
def attempt(step: Step, post_id: str) -> Iterator[int]:
    """
    Count one more beginning, durably, while a block works on a post; yield their number.

    An outage takes it back, for it is nothing against the post. Any other end forgets them all.
    """
    number, counted = _begin(step, post_id)
    own = Attempt.objects.filter(post_id=post_id, step=step)
    try:
        yield number
    except LATER:
        if counted:
            own.update(begun=F("begun") - 1, process="")
        raise
    own.delete()


def _begin(step: Step, post_id: str) -> tuple[int, bool]:
    """Return the number of beginnings, and whether this one is among them."""
    with transaction.atomic():
        row, _ = Attempt.objects.get_or_create(post_id=post_id, step=step)
        if _is_at_it(row):
            return row.begun, False
        row.begun += 1
        row.process, row.last_at = _name_of(os.getpid()), timezone.now()
        row.save()
        return row.begun, True


def _is_at_it(row: Attempt) -> bool:
    """
    Return whether another process that began the post is still alive.

    One on another machine cannot be asked: it is taken to be as long as a step may last.
    """
    if not row.process or row.process == _name_of(os.getpid()):
        return False
    host, pid, _ = row.process.rsplit(" ", 2)
    if host == socket.gethostname():
        return psutil.pid_exists(int(pid)) and _name_of(int(pid)) == row.process
    return timezone.now() - row.last_at < timedelta(seconds=settings.EXTRACT_SECONDS)


def _name_of(pid: int) -> str:
    """Return a name that no other process has, here or elsewhere, now or later."""
    try:
        born = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        born = 0.0
    return f"{socket.gethostname()} {pid} {born}"
