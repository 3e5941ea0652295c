"""Suggest aliases for entities that are spelled alike. A person accepts or rejects them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process

from ingest.models import Alias
from ingest.nlp import name_lists
from ingest.store import open_store
from ingest.store.base import Cursor, EntityFilter, StoredEntity

PAGE_SIZE = 1000
MAX_TRIED = 5  # names like one, of which the first that may be the same is suggested
# A shorter word is rather another one. Likeness is from 0 to 100.
MIN_MISSPELLED, MIN_WORD_LIKENESS = 5, 80


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


def propose(publication: str, suggestion: Suggestion, *, evidence: str = "") -> bool:
    """
    Save a suggestion as a proposed alias; return False if an alias exists for the entity.

    Args:
        evidence: what a person reads to decide.
    """
    entity, other, likeness = suggestion
    alias = Alias(
        publication=publication,
        label=entity.label,
        name=entity.text,
        becomes=other.text,
        state=Alias.State.PROPOSED,
        likeness=likeness,
        evidence=evidence,
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
    found = process.extract(
        entity.key, keys, scorer=fuzz.token_sort_ratio, score_cutoff=likeness, limit=MAX_TRIED
    )
    for key, score, index in found:
        if is_variant(entity.key, key):
            return Suggestion(entity, others[index], round(score, 1))
    return None


def is_variant(key: str, other: str) -> bool:
    """
    Return whether two keys may be one name: misspelled, joined, or without an initial.

    "Austria" is no misspelling of "Australia", nor "Joan Smith" of "John Smith": both of the words
    that differ are known.
    """
    if key.replace(" ", "") == other.replace(" ", ""):
        return True
    words, others = key.split(), other.split()
    if len(words) != len(others):
        return _without_initials(words) == _without_initials(others) != []
    return all(map(_is_misspelled, words, others))


def _without_initials(words: Sequence[str]) -> list[str]:
    return [word for word in words if len(word) > 1]


def _is_misspelled(word: str, other: str) -> bool:
    if word == other:
        return True
    known = name_lists.places() | name_lists.people()
    return (
        min(len(word), len(other)) >= MIN_MISSPELLED
        and word[0] == other[0]
        and not {word, other} <= known
        and {word, other} != {f"{min(word, other)}s", min(word, other)}
        and fuzz.ratio(word, other) >= MIN_WORD_LIKENESS
    )


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
