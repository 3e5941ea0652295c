"""How the mentions in one post become its entities, each under one name in one family."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from ingest.core.entity_names import common_label, entity_key, entity_text, family
from ingest.core.messages import Entity

FormCounts = Counter[tuple[str, str, str]]  # by key, label and text, as in an Entity


def entities_of(ents: Iterable[tuple[str, str]], *, labels: Collection[str]) -> tuple[Entity, ...]:
    """
    Return the entities that (label, text) pairs of one post mention, a row for each form.

    A key has one sense throughout a post: "Sydney", once a person to the model and three times a
    place, is a place. A lone surname stands for the one longer person that ends with it, and so
    does "bin Laden" for Osama.
    """
    mentions = _named(ents, labels)
    senses = _senses(mentions)
    bearers = _bearers(mentions, senses)
    counted: FormCounts = Counter()
    for (key, _, text), count in mentions.items():
        own_key, own_text = bearers.get(key, (key, text))
        counted[own_key, senses[key], own_text] += count
    return tuple(Entity(*name, mentions=count) for name, count in counted.items())


def _named(ents: Iterable[tuple[str, str]], labels: Collection[str]) -> FormCounts:
    common = ((common_label(label), text) for label, text in ents)
    texts = ((label, entity_text(text, label)) for label, text in common if label in labels)
    return Counter((entity_key(text), label, text) for label, text in texts if text)


def _senses(mentions: FormCounts) -> dict[str, str]:
    """Return the label of each key."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for (key, label, _), count in mentions.items():
        labels[key][label] += count
    return {key: _majority(tally) for key, tally in labels.items()}


def _majority(labels: Counter[str]) -> str:
    """Return the most frequent label of the most frequent family; of equals, the first by name."""
    families: Counter[str] = Counter()
    for label, count in labels.items():
        families[family(label)] += count
    return min(labels, key=lambda x: (-families[family(x)], family(x), -labels[x], x))


def _bearers(mentions: FormCounts, senses: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the key and the most frequent form of the only person that each surname can mean."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for (key, _, text), count in mentions.items():
        if senses[key] == "PERSON":
            forms[key][text] += count
    bearers: dict[str, list[str]] = defaultdict(list)
    for key in sorted(forms, key=lambda key: (-len(key), key)):
        for surname in filter(forms.__contains__, _endings(key)):
            # "Bin Laden" is no second bearer of "Laden" beside "Osama bin Laden".
            if not any(bearer.endswith(f" {key}") for bearer in bearers[surname]):
                bearers[surname].append(key)
    return {
        surname: (keys[0], _majority_form(forms[keys[0]]))
        for surname, keys in bearers.items()
        if len(keys) == 1
    }


def _endings(key: str) -> list[str]:
    """Return what is left of a key without its first word, its first two, and so on."""
    words = key.split(" ")
    return [" ".join(words[start:]) for start in range(1, len(words))]


def _majority_form(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))
