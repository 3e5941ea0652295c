"""Which rules hold now: what the database says, asked for again every few seconds."""

import time
from collections import defaultdict
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from structlog import get_logger

from ingest.aliases import Becomes, Rules
from ingest.counts import EntityName
from ingest.models import Alias, RulesVersion

logger = get_logger()

LASTS = 5  # seconds until a process asks for the version again


@dataclass
class _Known:
    rules: Rules | None = None
    until: float = 0


_known = _Known()


def current_rules() -> Rules:
    """
    Return the rules as they are, or were some seconds ago.

    While the database is away they are those of before; a process that knows none yet raises
    what the database raised.
    """
    if _known.rules is None or time.monotonic() >= _known.until:
        try:
            _known.rules = _newest(_known.rules)
        except (OperationalError, InterfaceError):
            if _known.rules is None:
                raise
            logger.warning("the database is away, the aliases of before go on", exc_info=True)
        _known.until = time.monotonic() + LASTS
    return _known.rules


def newest_rules() -> Rules:
    """Return the rules as they are, and know them from now on."""
    _known.until = 0
    return current_rules()


@transaction.atomic
def note_change() -> None:
    """Give the rules a new version: to be called after every change of an alias."""
    RulesVersion.objects.get_or_create(pk=1)
    RulesVersion.objects.filter(pk=1).update(version=F("version") + 1)


def _newest(known: Rules | None) -> Rules:
    row = RulesVersion.objects.filter(pk=1).first()
    version = row.version if row else 0
    return known if known and known.version == version else _read(version)


def _read(version: int) -> Rules:
    tables: dict[str, dict[EntityName, Becomes | None]] = defaultdict(dict)
    for alias in Alias.objects.filter(state=Alias.State.ACCEPTED):
        tables[alias.publication_key][alias.entity] = alias.target
    return Rules(version, tables.pop("", {}), dict(tables))
