"""What an entity is called and counted under: its family, its key, and the text that is shown."""

import re
import unicodedata
from functools import lru_cache

from ingest.core.posts import digest

MIN_CHARACTERS, MAX_CHARACTERS = 2, 100  # characters of a name
# The same names come again and again. Five times as many gain no speed that can be measured, and
# each of sixteen children comes to keep 3 MB more (`make bench LONG=1`).
CACHE_SIZE = 2_000

# What a model confuses most are labels of one family; a name counts once in each family. A label
# that is not here is a family of its own.
_FAMILIES = {
    **dict.fromkeys(("GPE", "LOC", "FAC"), "PLACE"),
    **dict.fromkeys(("ORG", "NORP"), "GROUP"),
    **dict.fromkeys(("EVENT", "PRODUCT", "WORK_OF_ART", "LAW"), "WORK"),
}

# What models of other languages call the same.
_COMMON_LABELS = {
    **dict.fromkeys(("PER", "PRS", "persName"), "PERSON"),
    **dict.fromkeys(("GPE_LOC", "placeName"), "GPE"),
    **dict.fromkeys(("GPE_ORG", "orgName"), "ORG"),
    "geogName": "LOC",
    "EVN": "EVENT",
    "EVT": "EVENT",
    "PROD": "PRODUCT",
    "WRK": "WORK_OF_ART",
}

# What an entity can be called without deciding between the labels of a family.
FAMILIES = frozenset(("PERSON", *_FAMILIES.values()))

# A title is what a person can lose: "Queen" or "Lady" may be half of the only name there is.
_TITLES = (
    "Prime Minister|Vice President|Foreign Minister|Secretary of State|"
    "Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Dame|Rev|Reverend|Hon|Herr|Frau|Monsieur|Madame|"
    "President|Chancellor|Premier|Minister|Senator|Sen|Congressman|Congresswoman|Representative|"
    "Rep|Governor|Gov|Mayor|Judge|Justice|Ambassador|Chairman|Chairwoman|General|Gen|Colonel|Col|"
    "Major|Maj|Captain|Capt|Lieutenant|Lt|Sergeant|Sgt|Admiral"
)
_TITLE = re.compile(rf"^(?:{_TITLES})(?:\.\s*|\s+)(?=\w)", re.I)
_ARTICLE = re.compile(r"^the(?:\s+|$)", re.I)
_POSSESSIVE = re.compile(r"(?<=\S)['’`´]s?$", re.I)
_AROUND = " \"'`´“”„‘’‚«»‹›,;:!?*•|<>=~_–—-…\\"
_NO_NAME = re.compile(r"://|\bwww\.|@", re.I)


def common_label(label: str) -> str:
    """Return what the English model calls a label of another model's."""
    return _COMMON_LABELS.get(label, label)


def family(label: str) -> str:
    """Return the family of labels in which a name counts once."""
    return _FAMILIES.get(label, label)


@lru_cache(CACHE_SIZE)
def entity_text(text: str, label: str) -> str:
    """
    Return the text that a mention is shown under, or nothing for what is no name.

    It is one line without quotes around it, a possessive, "the", or a person's title; accents and
    capitals stay. The text of a text is itself.
    """
    shown = ""
    while shown != text:
        shown, text = text, _shorter(text, label)
    return text if _is_name(text) else ""


@lru_cache(CACHE_SIZE)
def entity_key(text: str) -> str:
    """
    Return the key that all ways of writing a name share, or nothing if no letter or digit is in it.

    Case, accents, full stops and apostrophes do not count, and other signs only part words: U.S.
    is US, and al-Qaeda is Al Qaeda. The key of a key is itself.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    words = folded.casefold().translate(_FOLDING).split()
    return unicodedata.normalize("NFC", " ".join(words))


def entity_id(family: str, key: str) -> str:
    """Return the id of an entity: the same in every process, for ever."""
    return digest(family, key)


def _shorter(text: str, label: str) -> str:
    """Take one layer off a name."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    name = _POSSESSIVE.sub("", _without_half_a_bracket(line).strip(_AROUND))
    name = _ARTICLE.sub("", name)
    return _TITLE.sub("", name) if label == "PERSON" else name


def _without_half_a_bracket(text: str) -> str:
    return text if text.count("(") == text.count(")") else text.strip("()")


def _is_name(text: str) -> bool:
    return (
        MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS
        and any(map(str.isalpha, entity_key(text)))
        and not _NO_NAME.search(text)
    )


class _Folding(dict[int, str]):
    """What each character is in a key, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = self._fold(character)
        return self[code]

    @staticmethod
    def _fold(character: str) -> str:
        kind = unicodedata.category(character)
        if character in ".'’ʼ`´" or unicodedata.combining(character) or kind in ("Cf", "Lm"):
            return ""
        # Without their signs C++ and C# would be C.
        return character if kind[0] in "LNM" or character in "+#" else " "


_FOLDING = _Folding()
