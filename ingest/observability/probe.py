"""Asking parts that may be away: all at the same time, and with one deadline."""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

from django.db import connections
from structlog import get_logger

logger = get_logger()

T = TypeVar("T")


class Probe(Generic[T]):
    """
    A question to one part, asked in a thread of its own and never twice at the same time.

    So questions do not pile up before a part that hangs.

    Args:
        part: its name, as a sentence begins with it.
        ask: returns what the part answers, or raises.
        cache_seconds: how long an answer is used again.
    """

    def __init__(self, part: str, ask: Callable[[], T], *, cache_seconds: float = 0) -> None:
        self.part = part
        self._ask = ask
        self._cache_seconds = cache_seconds
        self._lock = Lock()
        self._answer: Future[T] | None = None
        self._asked_at = 0.0

    def start(self) -> "Future[T]":
        """Return the answer to come: to the last question while that is new or open."""
        with self._lock:
            is_old = time.monotonic() - self._asked_at >= self._cache_seconds
            if self._answer is None or (self._answer.done() and is_old):
                self._asked_at = time.monotonic()
                self._answer = Future()
                # A daemon, so that a process can end while a part hangs.
                Thread(target=self._run, args=(self._answer,), daemon=True).start()
            return self._answer

    def _run(self, answer: "Future[T]") -> None:
        try:
            answer.set_result(self._ask())
        except Exception as error:  # whatever a part raises, the others are still shown
            logger.warning("no answer", part=self.part, error=repr(error))
            answer.set_exception(error)
        finally:
            connections.close_all()  # the thread's own


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a part answered by the deadline; `error` says why not, `late_after` after how long."""

    part: str
    found: T | None = None
    error: BaseException | None = None
    late_after: float | None = None  # seconds

    @property
    def problem(self) -> str:
        """Say why there is no answer; nothing, if there is one."""
        if self.late_after is not None:
            return f"{self.part} does not answer within {self.late_after:g} seconds."
        return f"{self.part} does not answer: {self.error}" if self.error else ""


def ask_all(*probes: Probe[Any], seconds: float) -> list[Outcome[Any]]:
    """Ask parts at the same time, and return their outcomes in order after so long at the most."""
    answers = [probe.start() for probe in probes]
    done, _ = wait(answers, timeout=seconds)
    return [
        _outcome(probe.part, answer) if answer in done else Outcome(probe.part, late_after=seconds)
        for probe, answer in zip(probes, answers, strict=True)
    ]


def _outcome(part: str, answer: "Future[T]") -> Outcome[T]:
    error = answer.exception()
    return Outcome(part, error=error) if error else Outcome(part, answer.result())
