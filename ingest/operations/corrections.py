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
from ingest.core.entity_names import FAMILIES, common_label, entity_id, entity_key
from ingest.core.kind_names import kind_name
from ingest.models import Alias, AliasBackfill
from ingest.operations import alias_backfill, audit
from ingest.operations.rule_versions import bump_version, newest_rules
from ingest.store import open_store
from ingest.store.base import EntityFilter, Publication, StoredEntity, StoreReader

MAX_PUBLICATIONS = 50  # whose counts a correction shows
MAX_FOUND = 10  # names that a search shows
MAX_SEARCHED = 10  # publications that a search looks through


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
    store: StoreReader, text: str, publications: Sequence[Publication], *, but: str
) -> list[NameCounts]:
    """
    Return the most mentioned names that begin with a text.

    Args:
        publications: where to look; the search looks through the first MAX_SEARCHED.
        but: the id of a name to leave out.
    """
    found: dict[str, list[StoredEntity]] = {}
    for publication in publications[:MAX_SEARCHED]:
        for entity in store.entities_by_prefix(
            publication.name, entity_key(text), EntityFilter(limit=100)
        ):
            if entity.id != but and entity.mentions:
                found.setdefault(entity.id, []).append(entity)
    names = (NameCounts.of(entities) for entities in found.values())
    return sorted(names, key=lambda name: (-name.mentions, name.text))[:MAX_FOUND]


def refuse_useless(alias: Alias) -> None:
    """
    Refuse an alias that can do nothing.

    Raises:
        ValidationError: by field, with the reason.
        StoreUnavailable: nobody can say now.
    """
    alias.normalize()
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
    audit.record(actor, audit.Action.CHANGE, f"alias {alias}")
    return alias_backfill.start(alias.publication)


def undo(alias: Alias, actor: audit.Actor) -> AliasBackfill:
    """Take a correction back: saved posts count again as they were found."""
    with transaction.atomic():
        alias.delete()
        bump_version()
    audit.record(actor, audit.Action.DELETE, f"alias {alias}")
    return alias_backfill.start(alias.publication)


def existing(entity: EntityName, publication: str) -> Alias:
    """Return the alias of an entity in a publication or in all, or a new one."""
    alias = Alias(publication=publication, label=entity[0])
    alias.normalize()
    own = {"publication_key": alias.publication_key, "family": entity[0], "key": entity[1]}
    return Alias.objects.filter(**own).first() or alias


def corrections_of(name: EntityName) -> list[Alias]:
    """Return the aliases that change a name, or that make another count as it."""
    accepted = Alias.objects.filter(state=Alias.State.ACCEPTED)
    return [a for a in accepted if name in (a.entity, a.target and a.target.name(a.entity))]
