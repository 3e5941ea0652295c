"""Health checks for a load balancer: is this server alive, and should it get requests."""

import shutil
from collections.abc import Iterable
from http import HTTPStatus

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse

from ingest.broker.admission import get_admission
from ingest.observability.probe import Outcome, Probe, ask_all
from ingest.process.once import once
from ingest.store import open_store

TIMEOUT_SECONDS = 2  # for all parts together
DATABASE_CACHE_SECONDS = 1  # each probe writes
STORE_CACHE_SECONDS = 5  # each read of the store is paid for
PROBES = ("broker", "database", "store")
MISSING_POST_ID = "0" * 32  # the id of no post

PAUSED = "the intake is paused"
DISK_IS_FULL = "the disk of the state folder is full"

# What writes, and changes nothing: a page of the file, and the number of a transaction.
WRITES = {"sqlite": "PRAGMA user_version = 0", "postgresql": "SELECT pg_current_xact_id()"}
# SQLite's log and the broker's file grow by a few megabytes at once.
MIN_FREE_BYTES = 20_000_000

Fault = str  # empty if the part answers


def _admission() -> Fault:
    """Probe the broker. With RabbitMQ this also probes the database, which has the pauses."""
    return "" if get_admission().is_writable() else PAUSED


def _database() -> Fault:
    """Write without a change. A database that is locked or full can still be read."""
    with connection.cursor() as cursor:
        cursor.execute(WRITES[connection.vendor])
    return DISK_IS_FULL if shutil.disk_usage(settings.STATE_DIR).free < MIN_FREE_BYTES else ""


def _store() -> Fault:
    open_store().get_record(MISSING_POST_ID)
    return ""


@once
def _probes() -> dict[str, Probe[Fault]]:
    """Return this process's probes."""
    return {
        "broker": Probe("broker", _admission),
        "database": Probe("database", _database, cache_seconds=DATABASE_CACHE_SECONDS),
        "store": Probe("store", _store, cache_seconds=STORE_CACHE_SECONDS),
    }


def faults(names: Iterable[str] = PROBES) -> dict[str, Fault]:
    """Probe parts at the same time, and return the fault of each, empty if it answers."""
    probes = [_probes()[name] for name in names]
    outcomes = ask_all(*probes, seconds=TIMEOUT_SECONDS)
    return {outcome.part: _fault(outcome) for outcome in outcomes}


def _fault(outcome: Outcome[Fault]) -> Fault:
    """Describe a fault without its details, which may name a host."""
    if outcome.late_after is not None:
        return f"has not answered within {outcome.late_after:g} s"
    return "does not answer" if outcome.error else outcome.found or ""


def livez(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while this process is alive."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """
    Answer 200 while posts are accepted and every part answers. Otherwise answer 503 with reasons.

    Stopping the stack pauses the intake first, so this fails before any process stops. Posts are
    accepted while the store is unavailable. A balancer for posts asks with `?ignore=store`.
    """
    ignored = request.GET.getlist("ignore")
    found = faults(name for name in PROBES if name not in ignored)
    why = {name: fault for name, fault in found.items() if fault}
    if why.get("broker") == PAUSED:
        why["writable"] = why.pop("broker")
    status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
    return JsonResponse({"ready": not why, **({"why": why} if why else {})}, status=status)
