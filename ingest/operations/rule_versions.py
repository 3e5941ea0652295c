"""The aliases and patterns in force: cached in each process, read again every few seconds."""

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
from ingest.core.default_names import defaults_of
from ingest.models import Alias, DefaultNameSet, PatternSet, RulesVersion
from ingest.nlp.patterns import Patterns, SpacyPattern

logger = get_logger()

REFRESH_SECONDS = 5  # until a process reads the version again

T = TypeVar("T")


class RefreshingValue(Generic[T]):
    """
    A value of the database that this process caches for REFRESH_SECONDS.

    While the database is unavailable, the cached value stays in use. Without a cached value, the
    error of the database is raised.
    """

    def __init__(self, read: Callable[[T | None], T]) -> None:
        self._read = read
        self.forget()

    def forget(self) -> None:
        """Drop the cached value."""
        self._value: T | None = None
        self.expire()

    def expire(self) -> None:
        """Read the value again at the next use."""
        self._expires_at = 0.0

    def assume(self, value: T) -> None:
        """Use a value for REFRESH_SECONDS, without reading it."""
        self._value, self._expires_at = value, time.monotonic() + REFRESH_SECONDS

    def value(self) -> T:
        """Return the cached value, after reading it again if it has expired."""
        if self._value is None or time.monotonic() >= self._expires_at:
            try:
                self._value = self._read(self._value)
            except (OperationalError, InterfaceError):
                if self._value is None:
                    raise
                logger.warning("database unavailable, keeping the cached value", exc_info=True)
            self._expires_at = time.monotonic() + REFRESH_SECONDS
        return self._value


def current_rules() -> Rules:
    """Return the aliases, at most REFRESH_SECONDS old."""
    return _rules.value()


def known_rules() -> Rules:
    """Return the aliases, or none while the database is unavailable."""
    try:
        return current_rules()
    except (OperationalError, InterfaceError):
        return Rules()


def newest_rules() -> Rules:
    """Read the aliases from the database, cache and return them."""
    _rules.expire()
    return current_rules()


def current_patterns() -> Patterns:
    """Return the patterns, at most REFRESH_SECONDS old."""
    return _patterns.value()


def newest_patterns() -> Patterns:
    """Read the patterns from the database, cache and return them."""
    _patterns.expire()
    return current_patterns()


def forget() -> None:
    """Drop the cached aliases and patterns, as in a new process."""
    _rules.forget()
    _patterns.forget()


@transaction.atomic
def bump_version() -> None:
    """Give the aliases a new version. Every change of an alias must call this."""
    RulesVersion.objects.get_or_create(pk=1)
    RulesVersion.objects.filter(pk=1).update(version=F("version") + 1)


@transaction.atomic
def save_pattern_set() -> None:
    """Save the patterns as a new version, in the transaction that changed one of them."""
    # PostgreSQL lets two transactions write at once: neither would see the other's pattern.
    RulesVersion.objects.select_for_update().get_or_create(pk=1)
    rows = models.Pattern.objects.all()
    PatternSet.objects.create(patterns=[row.pattern_of_spacy._asdict() for row in rows])


def _refresh_rules(known: Rules | None) -> Rules:
    row = RulesVersion.objects.filter(pk=1).first()
    version = row.version if row else 0
    return known if known and known.version == version else _read_rules(version)


def _read_rules(version: int) -> Rules:
    tables: dict[str, dict[EntityName, Replacement | None]] = defaultdict(dict)
    for alias in Alias.objects.filter(state=Alias.State.ACCEPTED):
        tables[alias.publication_key][alias.entity] = alias.target
    switched = dict(DefaultNameSet.objects.values_list("name", "is_on"))
    return Rules(version, tables.pop("", {}), dict(tables), defaults_of(switched))


def _refresh_patterns(known: Patterns | None) -> Patterns:
    version = PatternSet.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return known if known and known.version == version else _read_patterns(version)


def _read_patterns(version: int) -> Patterns:
    found = PatternSet.objects.filter(pk=version).first()
    return Patterns(
        version, tuple(SpacyPattern(**fields) for fields in found.patterns) if found else ()
    )


_rules = RefreshingValue(_refresh_rules)
_patterns = RefreshingValue(_refresh_patterns)
