"""When keys were used last: written at most once a minute for each key, after the answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from django.core.signals import request_finished
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Q
from django.dispatch import receiver
from django.utils import timezone

from ingest.models import ApiKey

RESOLUTION_SECONDS = 60

# Shared by the threads of a process. Each operation on them is atomic.
_noted_at: dict[int, float] = {}
_unsaved: dict[int, datetime] = {}


def note_use(key_id: int) -> None:
    """Note that a key is used now, to be saved when its request has been answered."""
    now = time.monotonic()
    if now - _noted_at.get(key_id, -RESOLUTION_SECONDS) >= RESOLUTION_SECONDS:
        _noted_at[key_id] = now
        _unsaved[key_id] = timezone.now()


def forget() -> None:
    """Forget which uses are noted."""
    _noted_at.clear()
    _unsaved.clear()


@receiver(request_finished)
def _save(**_: object) -> None:
    while _unsaved:
        with suppress(KeyError):  # another thread took it
            _save_use(*_unsaved.popitem())


def _save_use(key_id: int, at: datetime) -> None:
    is_older = Q(last_used_at=None) | Q(last_used_at__lt=at)
    try:
        with without_waiting():
            ApiKey.objects.filter(is_older, pk=key_id).update(last_used_at=at)
    except DatabaseError:  # the key's next request tries again
        _noted_at.pop(key_id, None)


@contextmanager
def without_waiting() -> Iterator[None]:
    """Let SQLite fail at once while others write, for a row that a request can do without."""
    if connection.vendor != "sqlite":
        yield
        return
    milliseconds = connection.settings_dict["OPTIONS"]["timeout"] * 1000
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
