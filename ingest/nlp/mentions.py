"""Turning the mentions in one post into its entities, each with one name in one family."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from ingest.core.entity_names import common_label, entity_key, entity_text
from ingest.core.messages import Entity
from ingest.nlp import name_lists
from ingest.nlp.evidence import Mention, corrected
from ingest.nlp.joined_words import Keyed, join_words
from ingest.nlp.kinds import label_of_each_key
from ingest.nlp.short_forms import long_forms

# "pro-Beijing" and "democrat" say of what kind something is.
_NO_NAME = re.compile(r"(?:anti|ex|mid|non|post|pre|pro)-|[a-z]+$")

# Of two people with a name, the one who is mentioned so many times as often is meant by it.
CLEAR_TIMES = 3

# Of short first names many are one letter apart, such as Dan and Don.
MIN_CHARACTERS_OF_VARIANTS = 6
_DOUBLE = re.compile(r"(\w)\1")
_INNER_VOWELS = re.compile(r"\B[aeiouy]+\B")

FormCounts = Counter[tuple[str, str, str]]  # by key, label and text, as in an Entity


def entities_of(
    mentions: Iterable[Mention], *, labels: Collection[str], with_evidence: bool = True
) -> tuple[Entity, ...]:
    """
    Return the entities of one post, one Entity per form.

    A key has one label throughout a post (`kinds.py`). A lone surname or first name counts for the
    longer person that has it: "bin Laden" for Osama. A short form counts for the name that
    the post explains it with.

    Args:
        labels: the labels that count.
        with_evidence: whether the text around the mentions is English, and may be asked.
    """
    keyed = _names(mentions, labels)
    if with_evidence:
        keyed = join_words(keyed)
    key_labels = label_of_each_key(keyed, with_evidence=with_evidence)
    forms = _forms(keyed)
    full_keys = _full_names(forms, key_labels)
    labelled = ((key, mention.with_label(key_labels[key])) for key, mention in keyed)
    full_keys |= {s: full_keys.get(f, f) for s, f in long_forms(labelled).items() if s in forms}
    counted: FormCounts = Counter()
    for key, own_forms in forms.items():
        full_key = full_keys.get(key, key)
        for text, count in own_forms.items():
            shown = text if full_key == key else _majority_form(forms[full_key])
            counted[full_key, key_labels[full_key], shown] += count
    return tuple(Entity(*name, mentions=count) for name, count in counted.items())


def _names(mentions: Iterable[Mention], labels: Collection[str]) -> Keyed:
    """Return the mentions that are names, in the form that pages show, with their keys."""
    common = (corrected(m.with_label(common_label(m.label))) for m in mentions)
    shown = ((m, entity_text(m.text, m.label)) for m in common if m.label in labels)
    return [
        (entity_key(text), _shown_as(mention, text))
        for mention, text in shown
        if text and (mention.is_fixed or not _NO_NAME.match(text))
    ]


def _shown_as(mention: Mention, text: str) -> Mention:
    """Replace a mention's text; what it loses, such as a title, becomes its context."""
    if text == mention.text:
        return mention
    before, found, after = mention.text.partition(text)
    if not found:
        return mention._replace(text=text)
    return mention._replace(text=text, before=mention.before + before, after=after + mention.after)


def _forms(keyed: Keyed) -> dict[str, Counter[str]]:
    """Return how often each form of a key is mentioned."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for key, mention in keyed:
        forms[key][mention.text] += 1
    return forms


def _full_names(forms: dict[str, Counter[str]], key_labels: dict[str, str]) -> dict[str, str]:
    """Return the key of the person that each surname or first name means, where that is clear."""
    mentions = {key: forms[key].total() for key in forms if key_labels[key] == "PERSON"}
    variants = _variants(mentions)
    for variant, key in variants.items():
        mentions[key] += mentions.pop(variant)
    bearers: dict[str, list[str]] = defaultdict(list)
    for key in sorted(mentions, key=lambda key: (-len(key), key)):
        for part in filter(mentions.__contains__, _parts(key)):
            known = bearers[part]
            # "Bin Laden" is no second bearer of "Laden" beside "Osama bin Laden". A third one
            # changes nothing, and thousands would take minutes.
            if not any(bearer.endswith(f" {key}") for bearer in known):
                known.append(key)
                known.sort(key=lambda bearer: (-mentions[bearer], bearer))
                del known[2:]
    full = {part: keys[0] for part, keys in bearers.items() if _is_clear(keys, mentions)}
    return full | {variant: full.get(key, key) for variant, key in variants.items()}


def _variants(mentions: Mapping[str, int]) -> dict[str, str]:
    """Return the most frequent spelling of each person whom a post spells in two ways."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for key in mentions:
        if sound := _sound(key):
            spellings[sound].append(key)
    found: dict[str, str] = {}
    for keys in spellings.values():
        first, *others = sorted(keys, key=lambda key: (-mentions[key], key))
        found |= dict.fromkeys(others, first)
    return found


def _sound(key: str) -> str:
    """Return a form of a full name that "Kristen" and "Kristin" share, or "" for a short one."""
    first, _, last = key.rpartition(" ")
    if len(first) < MIN_CHARACTERS_OF_VARIANTS:
        return ""
    spelled = _DOUBLE.sub(r"\1", first)
    return f"{_INNER_VOWELS.sub('a', spelled)} {last}"


def _is_clear(bearers: Sequence[str], mentions: Mapping[str, int]) -> bool:
    """Return whether a name has one bearer, or one whom the post mentions far more often."""
    first, *others = (mentions[bearer] for bearer in bearers)
    return all(first >= CLEAR_TIMES * other for other in others)


def _parts(key: str) -> list[str]:
    """Return a key without its first word, without its first two, and so on, and a first name."""
    words = key.split(" ")
    endings = [" ".join(words[start:]) for start in range(1, len(words))]
    is_first_name = endings and words[0] in name_lists.first_names()
    return [*endings, words[0]] if is_first_name else endings


def _majority_form(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))
