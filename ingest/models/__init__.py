"""The tables of the relational database; the way of a post needs none of them."""

from ingest.models.admission import InFlightRequest, IntakePause
from ingest.models.api_keys import ApiKey, KeyUse, ReadLimit, Scope
from ingest.models.audit import AuditEntry
from ingest.models.curation import (
    Alias,
    AliasBackfill,
    DefaultNameSet,
    Pattern,
    PatternSet,
    RulesVersion,
)
from ingest.models.dead_letters import CrashCount, DeadLetter, DeadLetterReplay, Step, delete_until
from ingest.models.groups import PublicationGroup
from ingest.models.runs import PublicationMove, StoreRun

__all__ = [
    "Alias",
    "AliasBackfill",
    "ApiKey",
    "AuditEntry",
    "CrashCount",
    "DeadLetter",
    "DeadLetterReplay",
    "DefaultNameSet",
    "InFlightRequest",
    "IntakePause",
    "KeyUse",
    "Pattern",
    "PatternSet",
    "PublicationGroup",
    "PublicationMove",
    "ReadLimit",
    "RulesVersion",
    "Scope",
    "Step",
    "StoreRun",
    "delete_until",
]
