"""When keys were used last: written at most once a minute for each key, after the answer."""

import time
from contextlib import suppress
from datetime import datetime

from django.core.signals import request_finished
from django.db import Error as DatabaseError
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
        with suppress(
            KeyError, DatabaseError
        ):  # taken by another thread, or tried again
            key_id, at = _unsaved.popitem()
            is_older = Q(last_used_at=None) | Q(last_used_at__lt=at)
            ApiKey.objects.filter(is_older, pk=key_id).update(last_used_at=at)
