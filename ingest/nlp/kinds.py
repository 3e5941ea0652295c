"""
The kind of each name in a post: one label for each key, from the text and from fixed lists.

The decision depends only on the post, on `evidence.py` and on its lists. It never asks what was
counted before, so a redelivery, an edit and a recount come to the same result. A post in another
language keeps the majority of the model's labels.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ingest.core.entity_names import FAMILIES, family
from ingest.nlp import name_lists
from ingest.nlp.evidence import MODEL, STRONG, Mention, Weights, evidence

# Each post is saved with this version. Raise it with every change of a rule or list.
VERSION = 2


class Votes:
    """What the mentions of one key say: votes by family, the model's labels, and better ones."""

    def __init__(self) -> None:
        self.families: Weights = defaultdict(int)
        self.labels: Weights = defaultdict(int)
        self.hints: Weights = defaultdict(int)

    def add_label(self, label: str) -> None:
        """Add the model's label of one mention."""
        self.labels[label] += 1
        self.families[family(label)] += MODEL

    def add(self, found: Weights) -> None:
        """Add evidence: that of a family decides the family, that of a label a label in it."""
        for name, weight in found.items():
            (self.families if name in FAMILIES else self.hints)[name] += weight

    def label(self) -> str:
        """Return the label of the key; of equal families, the model's more frequent one."""
        own: Weights = defaultdict(int)
        said: Weights = defaultdict(int, self.hints)
        for label, count in self.labels.items():
            own[family(label)] += count
            said[label] += MODEL * count
        chosen = min(self.families, key=lambda f: (-self.families[f], -own[f], f))
        labels = [label for label in said if family(label) == chosen]
        return min(labels, key=lambda x: (-said[x], x), default=_LABELS.get(chosen, chosen))


# The label of a family that the model gave to no mention, and the families that evidence is for.
_LABELS = {"PERSON": "PERSON", "PLACE": "GPE", "GROUP": "ORG", "WORK": "EVENT"}
_WAVERING = frozenset(("PERSON", "PLACE", "GROUP"))


def label_of_each_key(
    mentions: Sequence[tuple[str, Mention]], *, with_evidence: bool
) -> dict[str, str]:
    """
    Return the label of each key of a post.

    Args:
        mentions: pairs of a key and a mention, whose label is one of the English model's.
        with_evidence: whether the text and the lists count too; they are in English.
    """
    fixed = {key: mention.label for key, mention in mentions if mention.is_fixed}
    votes: dict[str, Votes] = defaultdict(Votes)
    for key, mention in mentions:
        own = votes[key]
        own.add_label(mention.label)
        if with_evidence and mention.label != "NORP" and family(mention.label) in _WAVERING:
            own.add(evidence(key, mention))
    labels = {key: own.label() for key, own in votes.items()}
    if with_evidence:
        labels |= _labels_of_shorter_forms(votes, labels)
    return labels | fixed


def _labels_of_shorter_forms(
    votes: Mapping[str, Votes], labels: Mapping[str, str]
) -> dict[str, str]:
    """Add what longer names say: "Obama" is a person beside "Barack Obama"; return these labels."""
    people, groups = _parts_of_longer_names(labels)
    found: dict[str, str] = {}
    for key, own in votes.items():
        if family(labels[key]) not in _WAVERING or key in name_lists.regions():
            continue
        mentions = sum(own.labels.values())
        if says := people.get(key):
            # A post about Anna Paris may be about the city too.
            weight = says // 2 if key in name_lists.cities() else says
            own.families["PERSON"] += weight * mentions
        elif key in groups and labels[key] == "PERSON" and key not in name_lists.people():
            own.families["GROUP"] += STRONG * mentions
        else:
            continue
        found[key] = own.label()
    return found


def _parts_of_longer_names(labels: Mapping[str, str]) -> tuple[dict[str, int], set[str]]:
    """Return what longer people say of their parts, and the first words of organisations."""
    people, groups = dict[str, int](), set[str]()
    for key, label in labels.items():
        first, *others = key.split(" ")
        if label == "PERSON" and others:
            # Without a first name it may be no person: "Shuttle Columbia".
            says = STRONG if first in name_lists.first_names() else MODEL
            for part in (first, *(" ".join(others[start:]) for start in range(len(others)))):
                people[part] = max(people.get(part, 0), says)
        elif label == "ORG" and others:
            groups.add(first)
    return people, groups
