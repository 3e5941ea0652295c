"""Which entities of a publication may be one, by how they are written: proposals for a person."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process

from ingest.models import Alias
from ingest.store import open_store
from ingest.store.base import Cursor, EntityFilter, StoredEntity

PAGE_SIZE = 1000


class Suggestion(NamedTuple):
    """An entity that may be another, which is mentioned more often; likeness is out of 100."""

    entity: StoredEntity
    other: StoredEntity
    likeness: float


def suggest(publication: str, *, among: int, likeness: float) -> Iterator[Suggestion]:
    """Yield what is alike among so many of a publication's most mentioned entities."""
    before: dict[str, list[StoredEntity]] = defaultdict(list)
    for entity in _most_mentioned(publication, among):
        found = _most_like(entity, before[entity.family], likeness)
        if found:
            yield found
        before[entity.family].append(entity)


def propose(publication: str, suggestion: Suggestion) -> bool:
    """Put a suggestion where a person judges it, once; return whether it was new."""
    entity, other, likeness = suggestion
    alias = Alias(
        publication=publication,
        label=entity.label,
        name=entity.text,
        becomes=other.text,
        state=Alias.State.PROPOSED,
        likeness=likeness,
    )
    alias.normalize()
    known = Alias.objects.filter(family=alias.family, key=alias.key)
    if known.filter(publication_key__in=("", alias.publication_key)).exists():
        return False
    alias.save()
    return True


def _most_like(
    entity: StoredEntity, others: Sequence[StoredEntity], likeness: float
) -> Suggestion | None:
    """Return the most likely of the others: one whose initials it is, or that is written so."""
    for other in others:
        if _initials(other.key) == entity.key:
            return Suggestion(entity, other, 100)
    keys = {place: o.key for place, o in enumerate(others) if _numbers(o) == _numbers(entity)}
    found = process.extractOne(
        entity.key, keys, scorer=fuzz.token_sort_ratio, score_cutoff=likeness
    )
    return Suggestion(entity, others[found[2]], round(found[1], 1)) if found else None


def _most_mentioned(publication: str, count: int) -> Iterator[StoredEntity]:
    after: Cursor | None = None
    while count > 0:
        page = open_store().entities(
            publication, EntityFilter(limit=min(count, PAGE_SIZE), after=after)
        )
        yield from page
        if len(page) < min(count, PAGE_SIZE):
            return
        count -= len(page)
        after = Cursor(page[-1].mentions, page[-1].id)


def _initials(key: str) -> str:
    words = key.split()
    return "".join(word[0] for word in words) if len(words) > 1 else ""


def _numbers(entity: StoredEntity) -> list[str]:
    """Return the numbers in a name: the Olympics of 2000 are not those of 2004."""
    return re.findall(r"\d+", entity.key)
