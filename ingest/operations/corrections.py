"""
Corrections of names: an editor merges, renames or hides a name, or changes its kind.

A correction is an alias. The admin and the pages make it here, so both refuse what can do nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from ingest.core.counts import EntityName
from ingest.core.entity_names import FAMILIES, common_label, entity_id
from ingest.core.kind_names import kind_name
from ingest.core.name_search import search_words
from ingest.models import Alias, AliasBackfill, AuditEntry
from ingest.operations import alias_backfill, audit
from ingest.operations.rule_versions import bump_version, newest_rules
from ingest.store import open_store
from ingest.store.base import FoundName, NameFilter, Publication, StoredEntity, StoreReader

ON_PAGE = "on the page of the name"  # in the audit log
MAX_PUBLICATIONS = 50  # whose counts a correction shows
MAX_FOUND = 10  # names that a search shows


@dataclass(frozen=True)
class NameCounts:
    """A name, and its counts in all publications or in one."""

    id: str
    text: str
    label: str
    mentions: int
    posts: int
    publications: int

    @classmethod
    def of(cls, found: Sequence[StoredEntity]) -> "NameCounts":
        """Add up a name's counts of several publications, of which there is at least one."""
        most = max(found, key=lambda entity: entity.mentions)
        mentions = sum(entity.mentions for entity in found)
        posts = sum(entity.posts for entity in found)
        return cls(most.id, most.text, most.label, mentions, posts, len(found))

    @classmethod
    def of_found(cls, found: FoundName) -> "NameCounts":
        """Return the sums that a search found."""
        own = found.entity
        publications = len(found.publications)
        return cls(own.id, own.text, own.label, own.mentions, own.posts, publications)


def read_counts(store: StoreReader, id_: str, publication: str = "") -> NameCounts | None:
    """Return the counts of a name in a publication or in all; None if nothing mentions it."""
    if publication:
        found = store.entities_by_id(publication, [id_])
    else:
        everywhere = store.entity_everywhere(id_, limit=MAX_PUBLICATIONS)
        found = [entity for _, entity in everywhere]
    found = [entity for entity in found if entity.mentions]
    return NameCounts.of(found) if found else None


def search(
    store: StoreReader, text: str, publication: Publication | None, *, but: str
) -> list[NameCounts]:
    """
    Return the most mentioned names that have a word for each word of a text.

    Args:
        publication: the only one to look in and to count.
        but: the id of a name to leave out.
    """
    words = search_words(text)
    ids = (publication.id,) if publication else None
    wanted = NameFilter(words=words, limit=MAX_FOUND + 1, publications=ids)
    found = store.find_names(wanted).names if words else []
    return [NameCounts.of_found(name) for name in found if name.entity.id != but][:MAX_FOUND]


def refuse_useless(alias: Alias) -> None:
    """
    Refuse an alias that can do nothing.

    Raises:
        ValidationError: by field, with the reason.
        StoreUnavailable: nobody can say now.
    """
    alias.normalize()
    if not alias.key:
        return  # the model refuses a name without a letter, and says so better
    for field in ("label", "becomes_label"):
        if label := getattr(alias, field):
            _refuse_unknown_kind(field, label)
    if alias.publication and open_store().publication(alias.publication) is None:
        raise ValidationError({"publication": "There is no publication of this name."})
    if alias.entity in newest_rules().table(alias.publication):
        return  # it changes what another alias or a default name does
    counts = read_counts(open_store(), entity_id(*alias.entity), alias.publication)
    if counts is None:
        where = f" in {alias.publication}" if alias.publication else ""
        kind = kind_name(alias.family)
        raise ValidationError({"name": f"No saved post{where} mentions this name among {kind}."})
    same = alias.becomes == counts.text and alias.becomes_label in ("", counts.label)
    if same:
        raise ValidationError({"becomes": "The name is counted and shown like this already."})


def _refuse_unknown_kind(field: str, label: str) -> None:
    known = {common_label(own) for own in settings.LABELS} | FAMILIES
    if label not in known:
        names = ", ".join(sorted(map(kind_name, known)))
        raise ValidationError({field: f"There is no such kind. The kinds are: {names}."})


def correct(alias: Alias, actor: audit.Actor) -> AliasBackfill:
    """Save a correction, and start the backfill that applies it to saved posts."""
    with transaction.atomic():
        alias.save()
        bump_version()
    audit.record(actor, audit.Action.CHANGE, f"alias {alias}", detail=ON_PAGE)
    return alias_backfill.start(alias.publication)


def undo(alias: Alias, actor: audit.Actor) -> AliasBackfill:
    """Take a correction back: saved posts count again as they were found."""
    with transaction.atomic():
        alias.delete()
        bump_version()
    audit.record(actor, audit.Action.DELETE, f"alias {alias}", detail=ON_PAGE)
    return alias_backfill.start(alias.publication)


def existing(entity: EntityName, publication: str) -> Alias:
    """Return the alias of an entity in a publication or in all, or a new one."""
    alias = Alias(publication=publication, label=entity[0])
    alias.normalize()
    own = {"publication_key": alias.publication_key, "family": entity[0], "key": entity[1]}
    return Alias.objects.filter(**own).first() or alias


@dataclass(frozen=True)
class MadeCorrection:
    """A correction that holds, and the entry of the audit log that says who made it."""

    alias: Alias
    entry: AuditEntry | None


def corrections_of(name: EntityName) -> list[MadeCorrection]:
    """Return the corrections that change a name, or that make another count as it."""
    accepted = Alias.objects.filter(state=Alias.State.ACCEPTED)
    own = [a for a in accepted if name in (a.entity, a.target and a.target.name(a.entity))]
    return [MadeCorrection(alias, _entry_of(alias)) for alias in own]


def _entry_of(alias: Alias) -> AuditEntry | None:
    """Return the newest entry of the audit log about a correction."""
    target = f"alias {alias}"[: audit.MAX_TARGET_CHARACTERS]
    return AuditEntry.objects.filter(target=target).first()
