"""The audit log: who did what, in the admin, with an API key or by a command."""

import getpass
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from structlog import get_logger

from ingest.core.posts import digest
from ingest.models import AuditEntry

logger = get_logger()

Action = AuditEntry.Action
Via = AuditEntry.Via

MAX_TARGET_CHARACTERS = 300
UNKNOWN_ACCOUNT = "an unknown account"
MAX_ADDRESS_CHARACTERS = 100
FAILED_LOGIN_SECONDS = 60  # between two entries of an account and address
# In what a sign-in gave: it was a code or a passkey, after the right password.
SECOND_FACTOR = "second_factor"


@dataclass(frozen=True)
class Actor:
    """A person or key that does something, and the way they do it."""

    name: str
    via: AuditEntry.Via


def command_actor() -> Actor:
    """Return the user of this machine who runs a command."""
    return Actor(f"{getpass.getuser()}@{socket.gethostname()}", Via.COMMAND)


def record(actor: Actor, action: AuditEntry.Action, target: str = "", *, detail: str = "") -> None:
    """Write one action to the audit log and to the log."""
    record_all(actor, action, [(target, detail)])


def record_all(actor: Actor, action: AuditEntry.Action, targets: Iterable[tuple[str, str]]) -> None:
    """
    Write one action on several targets to the audit log and to the log.

    If the database is unavailable, only the log has the entries. An operator must be able to pause
    the intake then, too.

    Args:
        targets: pairs of a target and its detail.
    """
    entries = [
        AuditEntry(
            actor=actor.name,
            via=actor.via,
            action=action,
            target=target[:MAX_TARGET_CHARACTERS],
            detail=detail,
        )
        for target, detail in targets
    ]
    for entry in entries:
        logger.info(
            entry.get_action_display(), actor=actor.name, via=str(actor.via), target=entry.target
        )
    try:
        with transaction.atomic():
            AuditEntry.objects.bulk_create(entries)
    except DatabaseError as error:
        logger.error("not written to the audit log", entries=len(entries), error=str(error))


@receiver(user_login_failed)
def record_failed_login(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: object
) -> None:
    """
    Write each failed login to the audit log, and the lock that the last one leads to.

    A name that no account has is left out, since people type passwords into the wrong field. The
    lock does not limit how many such names there are, so they have an entry a minute and address.
    """
    if was_locked(request):
        return
    name = str(credentials.get("username", ""))
    is_known = get_user_model().objects.filter(username=name).exists()
    actor = Actor(name if is_known else UNKNOWN_ACCOUNT, Via.ADMIN)
    address = _address(request) if request else "this machine"
    is_new = cache.add(f"login:{digest(address)}", True, FAILED_LOGIN_SECONDS)
    if is_known or is_new:
        record(actor, Action.BAD_LOGIN, detail=f"{_with_what(credentials)}from {address}")


def was_locked(request: HttpRequest | None) -> bool:
    """Return whether a request was refused, because its account was locked before."""
    return getattr(request, "axes_locked_out", False)


@receiver(user_locked_out)
def record_lock(request: HttpRequest, **_: object) -> None:
    """Write to the audit log that an account is locked for an address, or its second factors."""
    credentials = getattr(request, "axes_credentials", None) or {}
    name, address = str(credentials.get("username", "")), _address(request)
    is_known = get_user_model().objects.filter(username=name).exists()
    kind = _with_what(credentials)
    if is_known and cache.add(f"lock:{digest(name, kind, address)}", True, FAILED_LOGIN_SECONDS):
        record(Actor(name, Via.ADMIN), Action.LOCK, detail=f"{kind}from {address}")


def stored_name(_: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """
    Return a digest of the name of a login, since people type passwords into its field.

    Wrong codes of second factors are counted beside wrong passwords, under another digest.
    """
    given = credentials or {}
    kind = SECOND_FACTOR if SECOND_FACTOR in given else "login"
    return digest(kind, str(given.get("username", "")))


def lock_parameters(_: object, credentials: dict[str, Any] | None = None) -> list[Any]:
    """
    Return what a lock holds for: an account and address, or an account's second factors alone.

    Who gives a wrong code knows the password, so many addresses together must not try more.
    """
    return ["username"] if SECOND_FACTOR in (credentials or {}) else [["username", "ip_address"]]


def _with_what(credentials: dict[str, Any]) -> str:
    return "second factor, " if SECOND_FACTOR in credentials else ""


def _address(request: HttpRequest) -> str:
    """Return the address of a client, and the one that a proxy in front of us names."""
    own, forwarded = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For")
    return f"{own}, for {forwarded[:MAX_ADDRESS_CHARACTERS]}" if forwarded else own
