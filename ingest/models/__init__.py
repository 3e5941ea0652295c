"""The tables of the relational database; the way of a post needs none of them."""

from ingest.models.admission import InFlightRequest, IntakePause
from ingest.models.api_keys import ApiKey, KeyUse, Scope
from ingest.models.audit import AuditEntry
from ingest.models.curation import Alias, AliasBackfill, Pattern, PatternSet, RulesVersion
from ingest.models.dead_letters import CrashCount, DeadLetter, DeadLetterReplay, Step, delete_until

__all__ = [
    "Alias",
    "AliasBackfill",
    "ApiKey",
    "AuditEntry",
    "CrashCount",
    "DeadLetter",
    "DeadLetterReplay",
    "InFlightRequest",
    "IntakePause",
    "KeyUse",
    "Pattern",
    "PatternSet",
    "RulesVersion",
    "Scope",
    "Step",
    "delete_until",
]
