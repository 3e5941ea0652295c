"""
Workers that are killed between an effect and its acknowledgement, each time with a probability.

A folder with a `sitecustomize` is put on the path of a stack. So every child of its workers arms
itself after the fork, and the code of the product stays as it is.
"""

import os
import random
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from ingestsite.configuration import ROOT

# Names the probability with which a child is killed at each point.
PROBABILITY = "FAULTY_WORKER_PROBABILITY"

CUSTOMIZE = """
from celery import signals

@signals.worker_process_init.connect(weak=False)
def arm(**_):
    from {module} import arm
    arm()
"""


def settings(folder: Path, *, probability: float, module: str = __name__) -> dict[str, str]:
    """
    Make the folder, and return the settings of a stack whose workers are killed.

    Args:
        module: the one whose `arm` arms each child.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CUSTOMIZE.format(module=module))
    path = os.pathsep.join((str(folder), str(ROOT)))
    return {"PYTHONPATH": path, PROBABILITY: str(probability)}


def arm() -> None:
    """Kill this process with a probability after each effect, and before each acknowledgement."""
    from ingest import tasks
    from ingest.worker import batching

    probability = float(os.environ[PROBABILITY])
    dice = random.Random()  # of this process alone

    def strike() -> None:
        if dice.random() < probability:
            os.kill(os.getpid(), signal.SIGKILL)

    def struck_after(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **options: Any) -> Any:
            result = function(*args, **options)
            strike()
            return result

        return wrapped

    def struck_before(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **options: Any) -> Any:
            strike()
            return function(*args, **options)

        return wrapped

    for module, name, struck in (
        (tasks, "extract_batch", struck_after),
        (tasks, "save_batch", struck_after),
        (batching, "_acknowledge", struck_before),
    ):
        setattr(module, name, struck(getattr(module, name)))
