"""
Save workers that are killed in the middle of a run's step, before and after each of its commits.

As in `faulty_worker`, every child arms itself after the fork. Here only the steps of runs over
saved posts are struck, so that no post becomes a dead letter for the deaths of its process.
"""

import os
import random
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from tests.support import faulty_worker

STEP_POSTS = 20  # of a page, so that a run has many steps
COMMIT_POSTS = 7  # so that a page has several commits


def settings(folder: Path, *, probability: float) -> dict[str, str]:
    """Make the folder, and return the settings of a worker that is killed at each point."""
    own = faulty_worker.settings(folder, probability=probability, module=__name__)
    return {**own, "INGEST_COMMIT_POSTS": str(COMMIT_POSTS)}


def arm() -> None:
    """Kill this process with a probability at each point of a step that lasts beyond it."""
    from django.db.transaction import Atomic

    from ingest.broker import publish
    from ingest.operations import store_runs
    from ingest.store.firestore.commit import Commit

    probability = float(os.environ[faulty_worker.PROBABILITY])
    dice = random.Random()  # of this process alone
    is_inside = False

    def strike() -> None:
        if is_inside and dice.random() < probability:
            os.kill(os.getpid(), signal.SIGKILL)

    def struck(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **options: Any) -> Any:
            strike()
            result = function(*args, **options)
            strike()
            return result

        return wrapped

    def take_step(pk: int) -> None:
        nonlocal is_inside
        is_inside = True
        try:
            step(pk)
        finally:
            is_inside = False

    step = store_runs.take_step
    store_runs.PAGE_SIZE = STEP_POSTS
    store_runs.take_step = take_step
    for owner, name in (
        (Atomic, "__exit__"),  # a commit in SQL
        (Commit, "send"),  # a commit in Firestore
        (publish, "enqueue_run_step"),
    ):
        setattr(owner, name, struck(getattr(owner, name)))
