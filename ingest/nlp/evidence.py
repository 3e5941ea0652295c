"""
What the text around a mention and the fixed lists say of the kind of its name.

The knowledge is English. `kinds.py` weighs it.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, Self

from ingest.core.entity_names import family
from ingest.nlp import name_lists

# How much of the text on each side of a mention is its context.
CONTEXT_CHARACTERS = 48

# The weights of the model's label, of evidence that outweighs it, and of evidence that does not.
MODEL, STRONG, WEAK = 2, 4, 1
Weights = dict[str, int]  # by family, or by label


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

    def with_label(self, label: str) -> Self:
        """Return the mention with a label."""
        return self if label == self.label else self._replace(label=label)


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
    r"\b(?:area|capital|city|county|district|island|islands|kingdom|kings?|outskirts|people|port|"
    r"province|region|republic|residents|resort|state|streets|suburb|town|vicinity|village|"
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
    r"\b(?:annual|during the|the \d{4}|(?:beginning|day|end|eve|start) of(?: the)?) (?:\d{4} )?$",
    re.I,
)
_EVENT_AFTER = re.compile(
    r"^ (?:celebrations?|ceremon(?:y|ies)|festival|festivities|holidays?|parade|pilgrimage|"
    r"procession|tournament)\b"
)
# A ship has a name of its own, and so has a train.
_VEHICLE_BEFORE = re.compile(
    r"\b(?:airship|barge|battleship|boat|cruiser|destroyer|ferry|freighter|frigate|icebreaker|"
    r"liner|locomotive|satellite|schooner|ship|spacecraft|steamer|submarine|tanker|trawler|tug|"
    r"vessel|warship|yacht),? (?:(?:called|named) )?(?:the )?$"
)
_ABOARD_BEFORE = re.compile(r"\b(?:aboard|on board) (?:the )?$", re.I)
# "Orvel, a village in Dar" and "Orvel is the first company of" say what Orvel is.
_WHAT_IT_IS = re.compile(
    r"^(?:,| is| was) (?:an?|one of the|the) (?P<phrase>[\w#&' -]+?)"
    r"(?:[,.;:()\n]| (?:after|and|at|based|by|for|from|in|near|of|on|owned|that|to|which|who|"
    r"with)\b)"
)
_WHAT = {
    noun: kind
    for kind, nouns in {
        "PERSON": f"{_ROLE}|activist|artist|boy|doctor|farmer|girl|journalist|lawmaker|man|"
        "musician|nurse|officer|politician|priest|soldier|student|teacher|woman",
        "GPE": "capital|city|country|province|state|suburb|town|village",
        "LOC": "desert|island|lake|mountain|peninsula|region|river|valley",
        "FAC": "airport|bridge|castle|hotel|museum|stadium|tower",
        "ORG": "agency|airline|band|bank|broadcaster|carmaker|charity|club|company|firm|magazine|"
        "manufacturer|network|newspaper|organisation|organization|party|retailer|union|"
        "university",
        "EVENT": "ceremony|championship|competition|festival|holiday|hurricane|pilgrimage|"
        "tournament",
        "PRODUCT": "browser|drug|ferry|game|medicine|rocket|satellite|ship|smartphone|spacecraft|"
        "submarine|vessel|warship|yacht",
        "WORK_OF_ART": "album|film|movie|musical|novel|opera|painting|song",
    }.items()
    for noun in nouns.split("|")
}

MAX_ACRONYM_CHARACTERS = 6
# More words are rather a title of something.
MAX_PERSON_WORDS = 3


def corrected(mention: Mention) -> Mention:
    """Return a mention with the label PERSON if its text begins with a title."""
    is_person = family(mention.label) in ("PLACE", "GROUP") and _MR.match(mention.text)
    return mention.with_label("PERSON") if is_person and not mention.is_fixed else mention


def evidence(key: str, mention: Mention) -> Weights:
    """Return what the lists and the context of a mention say for families, and for labels."""
    found: Weights = defaultdict(int)
    words, own = key.split(" "), family(mention.label)
    is_acronym = len(words) == 1 and _is_acronym(mention)
    _ask_lists(found, own, key, words, mention)
    _ask_context(found, own, mention, is_alone=len(words) == 1, is_acronym=is_acronym)
    if is_acronym and own == "PERSON":
        found["GROUP"] += STRONG
    return found


def _ask_lists(found: Weights, own: str, key: str, words: Sequence[str], mention: Mention) -> None:
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
        if last in name_lists.building_nouns():
            found["FAC"] += STRONG
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
    found: Weights, own: str, mention: Mention, *, is_alone: bool, is_acronym: bool
) -> None:
    before, after = mention.before, mention.after
    if not is_acronym:
        if _PERSON_BEFORE.search(before) or _PERSON_AFTER.search(after):
            found["PERSON"] += STRONG
        elif is_alone and _ACTS.search(after) and not _is_common(mention):
            found["PERSON"] += MODEL
    _ask_what_it_is(found, after)
    if _VEHICLE_BEFORE.search(before) or (
        _ABOARD_BEFORE.search(before) and _NO_NOUN_AFTER.search(after)
    ):
        _add_label(found, "PRODUCT", STRONG if not found["PERSON"] else WEAK)
    if _PLACE_BEFORE.search(before) or _PLACE_AFTER.search(after):
        found["PLACE"] += STRONG
    elif _IN_BEFORE.search(before):
        # "In Orvel" is a place. "In Orvel talks" may be anything.
        is_sure = own == "PERSON" and _NO_NOUN_AFTER.search(after)
        found["PLACE"] += STRONG if is_sure else WEAK
    elif own == "PERSON" and is_alone and not found["PERSON"]:
        if _EVENT_BEFORE.search(before) or _EVENT_AFTER.search(after):
            _add_label(found, "EVENT", STRONG)
        elif _is_a_thing(before, after):
            # Rather a place, unless other mentions are of an event.
            found["PLACE"] += STRONG
            found["WORK"] += STRONG - 1
    if _GROUP_BEFORE.search(before) or _GROUP_AFTER.search(after):
        found["GROUP"] += STRONG


def _ask_what_it_is(found: Weights, after: str) -> None:
    said = _WHAT_IT_IS.search(after)
    label = _WHAT.get(said["phrase"].rpartition(" ")[2].lower()) if said else None
    if label:
        _add_label(found, label, STRONG)


def _add_label(found: Weights, label: str, weight: int) -> None:
    """Add evidence for a label and for its family."""
    found[family(label)] += weight
    if label != family(label):
        found[label] += weight


def _is_acronym(mention: Mention) -> bool:
    """Return whether a word is in capitals, and the text around it is not."""
    is_short = len(mention.text) <= MAX_ACRONYM_CHARACTERS
    return is_short and mention.text.isupper() and not (mention.before + mention.after).isupper()


def _is_common(mention: Mention) -> bool:
    """Return whether a single word is an acronym, or has an article, as no person's name has."""
    return _is_acronym(mention) or bool(_ARTICLE_BEFORE.search(mention.before))


def _is_a_thing(before: str, after: str) -> bool:
    return bool(_ARTICLE_BEFORE.search(before) and _NO_NOUN_AFTER.search(after))
