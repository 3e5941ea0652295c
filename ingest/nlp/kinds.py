"""
The kind of each name in a post: one label for each key, from the text and from fixed lists.

The decision depends only on the post, on this module and on its lists. It never asks what was
counted before, so a redelivery, an edit and a recount come to the same result. The knowledge is
English. A post in another language keeps the majority of the model's labels.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingest.core.entity_names import family
from ingest.nlp import name_lists

# Each post is saved with this version. Raise it with every change of a rule or list.
VERSION = 1

# How much of the text on each side of a mention is its context.
CONTEXT_CHARACTERS = 48

# The weights of the model's label, of evidence that outweighs it, and of evidence that does not.
MODEL, STRONG, WEAK = 2, 4, 1


class Mention(NamedTuple):
    """
    A mention of a name, and the text on both sides of it.

    Args:
        is_fixed: whether an operator's pattern found it. Its label always holds.
    """

    label: str
    text: str
    before: str = ""
    after: str = ""
    is_fixed: bool = False


class Votes:
    """What the mentions of one key say: votes by family, and the model's own labels."""

    def __init__(self) -> None:
        self.families: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()

    def label(self) -> str:
        """Return the label of the key; of equal families, the model's more frequent one."""
        own: Counter[str] = Counter()
        for label, count in self.labels.items():
            own[family(label)] += count
        chosen = min(own | self.families, key=lambda f: (-self.families[f], -own[f], f))
        labels = [label for label in self.labels if family(label) == chosen]
        return min(labels, key=lambda x: (-self.labels[x], x), default=_LABELS.get(chosen, chosen))


# The label of a family that the model gave to no mention, and the families that evidence is for.
_LABELS = {"PERSON": "PERSON", "PLACE": "GPE", "GROUP": "ORG", "WORK": "EVENT"}
_WAVERING = frozenset(("PERSON", "PLACE", "GROUP"))

_MR = re.compile(r"^(?:Mr|Mrs|Ms|Dr|Prof)\.? \w")
_TITLE = (
    "Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Sir|Dame|Lord|Lady|Rev|Reverend|Pope|King|Queen|Prince|"
    "Princess|Emperor|Captain|Capt|Colonel|Col|General|Gen|Major|Maj|Sergeant|Sgt|Lieutenant|Lt|"
    "Admiral|Senator|Sen|Congressman|Congresswoman|Governor|Gov|Mayor|Judge|Justice|President|"
    "Chancellor|Premier|Minister|Secretary|Commissioner|Inspector|Detective|Constable|Coach"
)
_ROLE = (
    "actor|actress|analyst|author|captain|coach|defender|director|economist|editor|founder|"
    "goalkeeper|historian|judge|lawyer|manager|midfielder|novelist|photographer|player|playwright|"
    "poet|professor|scientist|senator|singer|spokesman|spokeswoman|striker|winger|writer"
)
_PERSON_BEFORE = re.compile(rf"(?<!\w)(?:(?:{_TITLE})\.? |(?:{_ROLE}),? )$")
_PERSON_AFTER = re.compile(
    r"^(?:, who\b|,? (?:himself|herself)\b|'s? (?:wife|husband|widow|son|daughter|mother|father|"
    r"brother|sister|family|life|career|death|birth|childhood|lawyers?)\b)"
)
# What people do. Companies and countries "say" too, so this alone decides nothing.
_ACTS = re.compile(
    r"^ (?:also |later |then |had |has |was |is )?(?:added|asked|asks|believed|believes|born|"
    r"claimed|claims|died|explained|explains|married|met|recalled|recalls|replied|resigned|retired|"
    r"said|says|starred|studied|tells|thinks|thought|told|walked|writes|wrote)\b"
    r"|^[\w ,]{1,40} (?:he|her|his|she)\b"
)
_PLACE_BEFORE = re.compile(
    r"\b(?:capital|city|county|district|island|islands|kingdom|kings?|outskirts|people|port|"
    r"province|region|republic|residents|resort|state|streets|suburb|town|village|"
    r"east|north|south|west) of (?:the )?$|\bcapital,? $"
)
_IN_BEFORE = re.compile(
    r"(?:^|[\s(])(?:in|near|outside|inside|throughout) (?:the )?"
    r"(?:(?:north|south|east|west|central|north-?east|north-?west|south-?east|south-?west)"
    r"(?:ern)? |downtown |nearby |neighbou?ring )?$",
    re.I,
)
_PLACE_AFTER = re.compile(
    r"^ (?:airport|area|bay|border|caves?|city|coast|county|desert|districts?|highway|hills?|"
    r"islands?|mountains?|peninsula|port|province|region|river|suburb|town|valley|village)\b"
)
# "The Orvel was": no person has an article. "The Obama government" is another thing.
_ARTICLE_BEFORE = re.compile(r"(?:^|\s)the $", re.I)
_NO_NOUN_AFTER = re.compile(
    r"^(?:$|[.,;:)]| (?:and|are|as|at|for|from|had|has|have|in|is|of|on|or|to|was|were|with)\b)"
)
_GROUP_BEFORE = re.compile(
    r"\b(?:(?:agency|airline|band|broadcaster|carmaker|charity|club|company|firm|giant|group|"
    r"magazine|manufacturer|militia|movement|network|newspaper|organi[sz]ation|retailer|union),?"
    r"(?: (?:called|named|known as))?|shares (?:in|of)|(?:chairm[ae]n|chairwoman|employees?|"
    r"founders?|members?|shareholders) of) (?:the )?$|\b(?:join(?:ed|ing|s)?|leaving|quit) the $"
)
_GROUP_AFTER = re.compile(
    r"^(?:'s?)? (?:customers|employees|executives?|group|shareholders|shares)\b"
)
_EVENT_BEFORE = re.compile(
    r"\b(?:annual|during the|(?:beginning|day|end|eve|start) of(?: the)?) $", re.I
)

MAX_ACRONYM_CHARACTERS = 6
# More words are rather a title of something.
MAX_PERSON_WORDS = 3


def corrected(mention: Mention) -> Mention:
    """Return a mention with the label PERSON if its text begins with a title."""
    is_person = family(mention.label) in ("PLACE", "GROUP") and _MR.match(mention.text)
    return mention._replace(label="PERSON") if is_person and not mention.is_fixed else mention


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
            own.families.update(evidence(key, mention))
    if with_evidence:
        _add_fuller_forms(votes)
    return {key: own.label() for key, own in votes.items()} | fixed


def evidence(key: str, mention: Mention) -> Counter[str]:
    """Return what the lists and the context of a mention say for each family."""
    found: Counter[str] = Counter()
    words, own = key.split(" "), family(mention.label)
    is_acronym = len(words) == 1 and _is_acronym(mention)
    _ask_lists(found, own, key, words, mention)
    _ask_context(found, own, mention, is_alone=len(words) == 1, is_acronym=is_acronym)
    if is_acronym and own == "PERSON":
        found["GROUP"] += STRONG
    return found


def _ask_lists(
    found: Counter[str], own: str, key: str, words: Sequence[str], mention: Mention
) -> None:
    first, last = words[0], words[-1]
    is_first_name = first in name_lists.first_names()
    if key in name_lists.regions():
        found["PLACE"] += WEAK if own == "PERSON" and is_first_name else STRONG
    elif key in name_lists.cities():
        found["PLACE"] += STRONG if own == "PERSON" and not is_first_name else WEAK
    elif len(words) == 1:
        if key in name_lists.people() and not _is_common(mention):
            found["PERSON"] += MODEL
    elif own == "PERSON" and is_first_name and last in name_lists.surnames():
        # "Robert Hill" is no hill, and "Alice Springs" no person.
        found["PERSON"] += WEAK
    elif last in name_lists.group_nouns():
        found["GROUP"] += STRONG
    elif last in name_lists.place_nouns():
        found["PLACE"] += STRONG
    elif is_first_name and _is_full_name(words, mention):
        found["PERSON"] += STRONG


def _is_full_name(words: Sequence[str], mention: Mention) -> bool:
    return (
        words[0] not in name_lists.regions()
        and len(words) <= MAX_PERSON_WORDS
        and name_lists.other_nouns().isdisjoint(words)
        and "-" not in mention.text.split(" ")[0]
        and not _ARTICLE_BEFORE.search(mention.before)
    )


def _ask_context(
    found: Counter[str], own: str, mention: Mention, *, is_alone: bool, is_acronym: bool
) -> None:
    before, after = mention.before, mention.after
    if not is_acronym:
        if _PERSON_BEFORE.search(before) or _PERSON_AFTER.search(after):
            found["PERSON"] += STRONG
        elif is_alone and _ACTS.search(after) and not _is_common(mention):
            found["PERSON"] += MODEL
    if _PLACE_BEFORE.search(before) or _PLACE_AFTER.search(after):
        found["PLACE"] += STRONG
    elif _IN_BEFORE.search(before):
        found["PLACE"] += STRONG if own == "PERSON" else WEAK
    elif own == "PERSON" and is_alone and not found["PERSON"]:
        if _EVENT_BEFORE.search(before):
            found["WORK"] += STRONG
        elif _is_a_thing(before, after):
            found["PLACE"] += STRONG
    if _GROUP_BEFORE.search(before) or _GROUP_AFTER.search(after):
        found["GROUP"] += STRONG


def _is_acronym(mention: Mention) -> bool:
    """Return whether a word is in capitals, and the text around it is not."""
    is_short = len(mention.text) <= MAX_ACRONYM_CHARACTERS
    return is_short and mention.text.isupper() and not (mention.before + mention.after).isupper()


def _is_common(mention: Mention) -> bool:
    """Return whether a single word is an acronym, or has an article, as no person's name has."""
    return _is_acronym(mention) or bool(_ARTICLE_BEFORE.search(mention.before))


def _is_a_thing(before: str, after: str) -> bool:
    return bool(_ARTICLE_BEFORE.search(before) and _NO_NOUN_AFTER.search(after))


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
