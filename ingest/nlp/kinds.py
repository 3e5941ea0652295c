"""
The kind of each name in a post: one label for each key, from the text and from fixed lists.

The decision depends only on the post, on `evidence.py` and on its lists. It never asks what was
counted before, so a redelivery, an edit and a recount come to the same result. A post in another
language keeps the majority of the model's labels.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from ingest.core.entity_names import FAMILIES, family
from ingest.nlp import name_lists
from ingest.nlp.evidence import MODEL, STRONG, Mention, evidence

# Each post is saved with this version. Raise it with every change of a rule or list.
VERSION = 2


class Votes:
    """What the mentions of one key say: votes by family, the model's labels, and better ones."""

    def __init__(self) -> None:
        self.families: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.hints: Counter[str] = Counter()

    def add(self, found: Counter[str]) -> None:
        """Add evidence: that of a family decides the family, that of a label a label in it."""
        for name, weight in found.items():
            (self.families if name in FAMILIES else self.hints)[name] += weight

    def label(self) -> str:
        """Return the label of the key; of equal families, the model's more frequent one."""
        own: Counter[str] = Counter()
        for label, count in self.labels.items():
            own[family(label)] += count
        chosen = min(own | self.families, key=lambda f: (-self.families[f], -own[f], f))
        said = Counter({label: MODEL * count for label, count in self.labels.items()}) + self.hints
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
        own.labels[mention.label] += 1
        own.families[family(mention.label)] += MODEL
        if with_evidence and mention.label != "NORP" and family(mention.label) in _WAVERING:
            own.add(evidence(key, mention))
    if with_evidence:
        _add_fuller_forms(votes)
    return {key: own.label() for key, own in votes.items()} | fixed


def _add_fuller_forms(votes: Mapping[str, Votes]) -> None:
    """Add what longer names say: "Obama" is a person beside "Barack Obama"."""
    labels = {key: own.label() for key, own in votes.items()}
    people, groups = _parts_of_longer_names(labels)
    for key, own in votes.items():
        if family(labels[key]) not in _WAVERING or key in name_lists.regions():
            continue
        mentions = own.labels.total()
        # A post about Anna Paris may be about the city too.
        says = people[key] // 2 if key in name_lists.cities() else people[key]
        own.families["PERSON"] += says * mentions
        is_unknown = not people[key] and key not in name_lists.people()
        if key in groups and is_unknown and labels[key] == "PERSON":
            own.families["GROUP"] += STRONG * mentions


def _parts_of_longer_names(labels: Mapping[str, str]) -> tuple[Counter[str], set[str]]:
    """Return what longer people say of their parts, and the first words of organisations."""
    people, groups = Counter[str](), set[str]()
    for key, label in labels.items():
        first, *others = key.split(" ")
        if label == "PERSON" and others:
            # Without a first name it may be no person: "Shuttle Columbia".
            says = STRONG if first in name_lists.first_names() else MODEL
            for part in (first, *(" ".join(others[start:]) for start in range(len(others)))):
                people[part] = max(people[part], says)
        elif label == "ORG" and others:
            groups.add(first)
    return people, groups
