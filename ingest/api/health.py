"""
What a load balancer asks: whether this server lives, and whether to send it requests.

Each part is looked at in a thread of its own, and waited for no longer than a moment. One that has
not answered yet is not asked again, so questions do not pile up before a part that hangs.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import cache
from http import HTTPStatus
from threading import Lock, Thread

from django.db import connection
from django.http import HttpRequest, JsonResponse
from structlog import get_logger

from ingest.broker.admission import get_admission
from ingest.store import open_store

logger = get_logger()

TIMEOUT_SECONDS = 2  # seconds for all parts together
STORE_CACHE_SECONDS = 5  # seconds: a look at the store is paid for
PROBES = ("broker", "database", "store")
MISSING_POST_ID = "0" * 32  # the id of no post

PAUSED = "no posts are taken in just now"

Fault = str  # empty: there is none


class CachedProbe:
    """Something that the service needs, and how it is asked."""

    def __init__(self, name: str, ask: Callable[[], Fault], *, remembered: float = 0) -> None:
        self._name = name
        self._ask = ask
        self._remembered = remembered
        self._lock = Lock()
        self._answer: Future[Fault] | None = None
        self._asked_at = 0.0

    def answer(self) -> "Future[Fault]":
        """Return what it answers, or will: to the last question while that is new or open."""
        with self._lock:
            is_old = time.monotonic() - self._asked_at >= self._remembered
            if self._answer is None or (self._answer.done() and is_old):
                self._asked_at = time.monotonic()
                self._answer = Future()
                # It must not keep a process from ending that waits for a part which hangs.
                Thread(target=self._look, args=(self._answer,), daemon=True).start()
            return self._answer

    def _look(self, answer: "Future[Fault]") -> None:
        try:
            answer.set_result(self._ask())
        except Exception as error:
            logger.warning("a part is away", part=self._name, why=str(error))
            answer.set_result("does not answer")
        finally:
            connection.close()  # the thread's own


def _admission() -> Fault:
    """Ask the broker, and beside RabbitMQ the database too, which has the flag there."""
    return "" if get_admission().is_open() else PAUSED


def _database() -> Fault:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _store() -> Fault:
    open_store().get_record(MISSING_POST_ID)
    return ""


@cache
def _probes() -> dict[str, CachedProbe]:
    """Return the parts."""
    return {
        "broker": CachedProbe("broker", _admission),
        "database": CachedProbe("database", _database),
        "store": CachedProbe("store", _store, remembered=STORE_CACHE_SECONDS),
    }


def faults(names: Iterable[str] = PROBES) -> dict[str, Fault]:
    """Ask parts at once, and return what is wrong with each: nothing, if it answers."""
    answers = {name: _probes()[name].answer() for name in names}
    wait(answers.values(), TIMEOUT_SECONDS)
    late = f"has not answered within {TIMEOUT_SECONDS} s"
    return {name: a.result() if a.done() else late for name, a in answers.items()}


def livez(_request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process answers at all."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """
    Answer 200 while posts are taken in and every part answers, and else 503 with the reasons.

    A stop of everything closes the gate first, so this turns before any process is stopped. Posts
    are taken in while the store is away: a balancer for them asks with `?ignore=store`.
    """
    ignored = request.GET.getlist("ignore")
    found = faults(name for name in PROBES if name not in ignored)
    why = {name: fault for name, fault in found.items() if fault}
    if why.get("broker") == PAUSED:
        why["writable"] = why.pop("broker")
    status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
    return JsonResponse({"ready": not why, **({"why": why} if why else {})}, status=status)
