"""Which rules and patterns hold now: what the database says, asked for again every few seconds."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from structlog import get_logger

from ingest import models
from ingest.core.aliases import Replacement, Rules
from ingest.core.counts import EntityName
from ingest.models import Alias, PatternSet, RulesVersion
from ingest.nlp.patterns import Patterns, SpacyPattern

logger = get_logger()

REFRESH_SECONDS = 5  # seconds until a process asks for the version again

T = TypeVar("T")


class RefreshingValue(Generic[T]):
    """
    What this process knows of the database, as it is, or was some seconds ago.

    While the database is away it is what was known before; a process that knows nothing yet
    raises what the database raised.
    """

    def __init__(self, ask: Callable[[T | None], T]) -> None:
        self._ask = ask
        self.forget()

    def forget(self) -> None:
        self._value: T | None = None
        self.ask_again()

    def ask_again(self) -> None:
        self._until = 0.0

    def value(self) -> T:
        if self._value is None or time.monotonic() >= self._until:
            try:
                self._value = self._ask(self._value)
            except (OperationalError, InterfaceError):
                if self._value is None:
                    raise
                logger.warning("the database is away, the rules of before go on", exc_info=True)
            self._until = time.monotonic() + REFRESH_SECONDS
        return self._value


def current_rules() -> Rules:
    """Return the aliases as they are, or were some seconds ago."""
    return _rules.value()


def newest_rules() -> Rules:
    """Return the aliases as they are, and know them from now on."""
    _rules.ask_again()
    return current_rules()


def current_patterns() -> Patterns:
    """Return the patterns as they are, or were some seconds ago."""
    return _patterns.value()


def newest_patterns() -> Patterns:
    """Return the patterns as they are, and know them from now on."""
    _patterns.ask_again()
    return current_patterns()


def forget() -> None:
    """Know nothing, as a process that has just begun."""
    _rules.forget()
    _patterns.forget()


@transaction.atomic
def bump_version() -> None:
    """Give the rules a new version: to be called after every change of an alias."""
    RulesVersion.objects.get_or_create(pk=1)
    RulesVersion.objects.filter(pk=1).update(version=F("version") + 1)


@transaction.atomic
def save_pattern_set() -> None:
    """Keep the patterns as a new version: to be called after every change of one, in its step."""
    # PostgreSQL lets two write at once, and neither would see the other's pattern.
    RulesVersion.objects.select_for_update().get_or_create(pk=1)
    rows = models.Pattern.objects.all()
    PatternSet.objects.create(patterns=[row.pattern_of_spacy._asdict() for row in rows])


def _ask_rules(known: Rules | None) -> Rules:
    row = RulesVersion.objects.filter(pk=1).first()
    version = row.version if row else 0
    return known if known and known.version == version else _read_rules(version)


def _read_rules(version: int) -> Rules:
    tables: dict[str, dict[EntityName, Replacement | None]] = defaultdict(dict)
    for alias in Alias.objects.filter(state=Alias.State.ACCEPTED):
        tables[alias.publication_key][alias.entity] = alias.target
    return Rules(version, tables.pop("", {}), dict(tables))


def _ask_patterns(known: Patterns | None) -> Patterns:
    version = PatternSet.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return known if known and known.version == version else _read_patterns(version)


def _read_patterns(version: int) -> Patterns:
    found = PatternSet.objects.filter(pk=version).first()
    return Patterns(
        version, tuple(SpacyPattern(**fields) for fields in found.patterns) if found else ()
    )


_rules = RefreshingValue(_ask_rules)
_patterns = RefreshingValue(_ask_patterns)
