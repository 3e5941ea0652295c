"""The audit log: who did what, in the admin, with an API key or by a command."""

import getpass
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import Error as DatabaseError
from django.db import transaction
from structlog import get_logger

from ingest.models import AuditEntry

logger = get_logger()

Action = AuditEntry.Action
Via = AuditEntry.Via

MAX_TARGET_CHARACTERS = 300


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
