"""A saved post as a reader sees it: its text with its names, and its history."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from ingest.core.aliases import Rules
from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import Entity, PostEntities
from ingest.nlp.cleaning import clean


class MarkedText(NamedTuple):
    """A part of a text; `entity_id` is that of the name that it is, if it is one."""

    text: str
    entity_id: str | None = None
    label: str = ""


class HistoryEvent(NamedTuple):
    """What happened to a post, and when; the time is None where only the fact is known."""

    what: str
    at: datetime | None = None


def mark_names(post: PostEntities, rules: Rules) -> list[MarkedText]:
    """Cut a text at the names that count in it; the longest of several names is marked."""
    content = clean(post.content)
    forms = _forms(post, rules)
    if not content or not forms:
        return [MarkedText(content)] if content else []
    parts, end = [], 0
    for match in _pattern(forms, content).finditer(content):
        parts.append(MarkedText(content[end : match.start()]))
        parts.append(MarkedText(match[0], *_lookup(forms, match[0])))
        end = match.end()
    return [part for part in (*parts, MarkedText(content[end:])) if part.text]


Forms = dict[str, tuple[str, str]]


def _forms(post: PostEntities, rules: Rules) -> Forms:
    """Return the id and label under which each form in the text counts, whatever its aliases."""
    counted = {name_of(entity) for entity in post.entities}
    forms: Forms = {}
    for form in post.found or post.entities:
        entity = rules.counted_as(form, post.publication)
        if entity and name_of(entity) in counted:
            forms[_plain(form)] = entity_id(*name_of(entity)), entity.label
    return forms


def _plain(entity: Entity) -> str:
    return " ".join(entity.text.split())


def _pattern(forms: Forms, content: str) -> re.Pattern[str]:
    """Return the pattern of all forms, as words of their own, the longest first."""
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(_word(form, content) for form in longest_first))


def _word(form: str, content: str) -> str:
    """Return the pattern of a form; one that only stands in other capitals is found in those."""
    words = r"\s+".join(map(re.escape, form.split()))
    pattern = rf"(?<!\w){words}(?!\w)"
    return pattern if re.search(pattern, content) else f"(?i:{pattern})"


def _lookup(forms: Forms, text: str) -> tuple[str, str]:
    plain = " ".join(text.split())
    folded = {form.casefold(): own for form, own in forms.items()}
    return forms.get(plain) or folded[plain.casefold()]


def history_of(post: PostEntities) -> list[HistoryEvent]:
    """Return what happened to a post, in the order of time, and then what read it."""
    events = [HistoryEvent("first accepted", post.first_at)]
    if post.published_at:
        events.append(HistoryEvent("published", post.published_at))
    if post.accepted_at != post.first_at:
        events.append(HistoryEvent("edited: this revision was accepted", post.accepted_at))
    if post.again_at:
        events.append(HistoryEvent("processed again", post.again_at))
    events.sort(key=lambda event: event.at or post.first_at)
    return [*events, *_readings(post)]


def _readings(post: PostEntities) -> Iterator[HistoryEvent]:
    yield HistoryEvent(f"its names were found by {post.model}")
    if post.patterns:
        yield HistoryEvent(f"version {post.patterns} of the patterns was used")
    if post.found is not None:
        yield HistoryEvent(f"version {post.rules} of the aliases changed its names")
