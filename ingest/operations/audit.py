"""The audit trail: who did what, in the admin, with a key or by a command."""

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

MAX_TARGET_CHARACTERS = 300  # characters


@dataclass(frozen=True)
class Actor:
    """Who does something, and from where."""

    name: str
    via: AuditEntry.Via


def command_actor() -> Actor:
    """Return the user of this machine who gave a command."""
    return Actor(f"{getpass.getuser()}@{socket.gethostname()}", Via.COMMAND)


def record(actor: Actor, action: AuditEntry.Action, target: str = "", *, detail: str = "") -> None:
    """Write down what was done: in the trail, and in the log."""
    record_all(actor, action, [(target, detail)])


def record_all(actor: Actor, action: AuditEntry.Action, targets: Iterable[tuple[str, str]]) -> None:
    """
    Write down what was done to each of some targets, given with its detail.

    While the database is away only the log has it: nobody who has to stop the intake at night
    waits for the trail.
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
        logger.error("not in the audit trail", entries=len(entries), error=str(error))
