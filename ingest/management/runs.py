"""Following a run over saved posts from a command."""

import time
from collections.abc import Callable

from django.core.management.base import CommandError

from ingest.models import StoreRun

POLL_SECONDS = 1


def follow(run: StoreRun, tell: Callable[[str], object]) -> None:
    """
    Tell the progress of a run until it has ended.

    Raises:
        CommandError: a problem ended the run early.
    """
    told = ""
    while True:
        if str(run) != told:
            told = str(run)
            tell(told)
        if run.ended_at:
            break
        time.sleep(POLL_SECONDS)
        run.refresh_from_db()
    if run.problem:
        raise CommandError(run.problem)
