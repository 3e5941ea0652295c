"""Turning the mentions in one post into its entities, each with one name in one family."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from ingest.core.entity_names import common_label, entity_key, entity_text, family
from ingest.core.messages import Entity

FormCounts = Counter[tuple[str, str, str]]  # by key, label and text, as in an Entity


def entities_of(ents: Iterable[tuple[str, str]], *, labels: Collection[str]) -> tuple[Entity, ...]:
    """
    Return the entities of one post from its (label, text) pairs, one Entity per form.

    A key has one label throughout a post. If the model calls "Sydney" a person once and a place
    three times, it is a place. A lone surname counts for the only longer person that ends with
    it: "bin Laden" for Osama.
    """
    mentions = _count_forms(ents, labels)
    key_labels = _label_of_each_key(mentions)
    full_names = _full_names(mentions, key_labels)
    counted: FormCounts = Counter()
    for (key, _, text), count in mentions.items():
        full_key, full_text = full_names.get(key, (key, text))
        counted[full_key, key_labels[key], full_text] += count
    return tuple(Entity(*name, mentions=count) for name, count in counted.items())


def _count_forms(ents: Iterable[tuple[str, str]], labels: Collection[str]) -> FormCounts:
    common = ((common_label(label), text) for label, text in ents)
    texts = ((label, entity_text(text, label)) for label, text in common if label in labels)
    return Counter((entity_key(text), label, text) for label, text in texts if text)


def _label_of_each_key(mentions: FormCounts) -> dict[str, str]:
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for (key, label, _), count in mentions.items():
        labels[key][label] += count
    return {key: _majority_label(tally) for key, tally in labels.items()}


def _majority_label(labels: Counter[str]) -> str:
    """Return the most frequent label of the most frequent family; of equals, the first by name."""
    families: Counter[str] = Counter()
    for label, count in labels.items():
        families[family(label)] += count
    return min(labels, key=lambda x: (-families[family(x)], family(x), -labels[x], x))


def _full_names(mentions: FormCounts, key_labels: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the key and the most frequent form of the only person that each surname can mean."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for (key, _, text), count in mentions.items():
        if key_labels[key] == "PERSON":
            forms[key][text] += count
    bearers: dict[str, list[str]] = defaultdict(list)
    for key in sorted(forms, key=lambda key: (-len(key), key)):
        for surname in filter(forms.__contains__, _endings(key)):
            known = bearers[surname]
            # "Bin Laden" is no second bearer of "Laden" beside "Osama bin Laden". A third one
            # changes nothing, and thousands would take minutes.
            if len(known) < 2 and not any(bearer.endswith(f" {key}") for bearer in known):
                known.append(key)
    return {
        surname: (keys[0], _majority_form(forms[keys[0]]))
        for surname, keys in bearers.items()
        if len(keys) == 1
    }


def _endings(key: str) -> list[str]:
    """Return a key without its first word, without its first two, and so on."""
    words = key.split(" ")
    return [" ".join(words[start:]) for start in range(1, len(words))]


def _majority_form(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))
