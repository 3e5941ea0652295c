"""Suggest aliases for entities that are spelled alike. A person accepts or rejects them."""

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
    """An entity and a more often mentioned one that it may be; likeness is from 0 to 100."""

    entity: StoredEntity
    other: StoredEntity
    likeness: float


def suggest(publication: str, *, among: int, likeness: float) -> Iterator[Suggestion]:
    """Yield suggestions among a publication's `among` most mentioned entities."""
    by_family: dict[str, list[StoredEntity]] = defaultdict(list)
    for entity in _most_mentioned(publication, among):
        found = _best_match(entity, by_family[entity.family], likeness)
        if found:
            yield found
        by_family[entity.family].append(entity)


def propose(publication: str, suggestion: Suggestion) -> bool:
    """Save a suggestion as a proposed alias; return False if an alias exists for the entity."""
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


def _best_match(
    entity: StoredEntity, others: Sequence[StoredEntity], likeness: float
) -> Suggestion | None:
    """Return the entity whose initials the key is, else the one with the most similar key."""
    for other in others:
        if _initials(other.key) == entity.key:
            return Suggestion(entity, other, 100)
    keys = {index: o.key for index, o in enumerate(others) if _numbers(o) == _numbers(entity)}
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
    """Return the numbers in a name, since the Olympics of 2000 are not those of 2004."""
    return re.findall(r"\d+", entity.key)
