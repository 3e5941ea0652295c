"""The names of an entity: its family, its key, and the text that pages show."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from ingest.core.posts import digest

MIN_CHARACTERS, MAX_CHARACTERS = 2, 100  # characters of a name
# Posts repeat the same names. Five times this size gains no measurable speed and costs each of
# sixteen children 3 MB (`make bench LONG=1`).
CACHE_SIZE = 2_000

# A model mostly confuses the labels of one family, so a name counts once in each family. A label
# that is not here is its own family.
_FAMILIES = {
    **dict.fromkeys(("GPE", "LOC", "FAC"), "PLACE"),
    **dict.fromkeys(("ORG", "NORP"), "GROUP"),
    **dict.fromkeys(("EVENT", "PRODUCT", "WORK_OF_ART", "LAW"), "WORK"),
}

# The English model's label for the labels of models for other languages.
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

# The families with several labels, and PERSON: a pattern may use them as labels.
FAMILIES = frozenset(("PERSON", *_FAMILIES.values()))

# What spaCy finds besides names, if an operator counts it.
_OTHER_LABELS = frozenset(
    ("CARDINAL", "DATE", "LANGUAGE", "MISC", "MONEY", "ORDINAL", "PERCENT", "QUANTITY", "TIME")
)

# Titles that a person's name can lose. "Queen" or "Lady" may be half of the only name there is.
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
_EDGE_CHARACTERS = " \"'`´“”„‘’‚«»‹›,;:!?*•|<>=~_–—-…\\"
_ADDRESS = re.compile(r"://|\bwww\.|@", re.I)


def common_label(label: str) -> str:
    """Return the English model's label for a label of any model."""
    return _COMMON_LABELS.get(label, label)


def family(label: str) -> str:
    """Return the family of labels in which a name counts once."""
    return _FAMILIES.get(label, label)


def read_family(text: str, *, labels: Iterable[str]) -> str:
    """
    Return the family that a text names, in capitals or small letters.

    Args:
        labels: the labels that are counted; each is a family, or belongs to one.

    Raises:
        ValueError: its message says which families there are.
    """
    counted = {family(common_label(label)) for label in labels}
    known = {name.casefold(): name for name in (*FAMILIES, *_OTHER_LABELS, *counted)}
    found = known.get(text.casefold())
    if found is None:
        own = _FAMILIES.get(common_label(text.upper()))
        hint = f"is a label of the family {own}" if own else "is not a family"
        raise ValueError(f"{hint}; the families are {', '.join(sorted(FAMILIES | counted))}")
    return found


@lru_cache(CACHE_SIZE)
def entity_text(text: str, label: str) -> str:
    """
    Return the text that pages show for a mention, or "" if the mention is not a name.

    The text is one line without quotes around it, a possessive, "the", or a person's title.
    Accents and capitals stay. The function is idempotent.
    """
    shown = ""
    while shown != text:
        shown, text = text, _strip_layer(text, label)
    return text if _is_name(text) else ""


@lru_cache(CACHE_SIZE)
def entity_key(text: str) -> str:
    """
    Return the key that all spellings of a name share, or "" if it has no letter or digit.

    The key ignores case, accents, full stops and apostrophes: U.S. is US. Other signs only
    separate words: al-Qaeda is Al Qaeda. The function is idempotent.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    words = folded.casefold().translate(_FOLDING).split()
    return unicodedata.normalize("NFC", " ".join(words))


@lru_cache(CACHE_SIZE)
def entity_id(family: str, key: str) -> str:
    """Return the id of an entity: 32 hexadecimal digits, the same in every process."""
    return digest(family, key)


def _strip_layer(text: str, label: str) -> str:
    """Take one layer off a name: quotes, a possessive, an article, a title."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    name = _POSSESSIVE.sub("", _without_unbalanced_brackets(line).strip(_EDGE_CHARACTERS))
    name = _ARTICLE.sub("", name)
    return _TITLE.sub("", name) if label == "PERSON" else name


def _without_unbalanced_brackets(text: str) -> str:
    return text if text.count("(") == text.count(")") else text.strip("()")


def _is_name(text: str) -> bool:
    return (
        MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS
        and any(map(str.isalpha, entity_key(text)))
        and not _ADDRESS.search(text)
    )


class _Folding(dict[int, str]):
    """The form of each character in a key, computed at its first use."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = self._fold(character)
        return self[code]

    @staticmethod
    def _fold(character: str) -> str:
        kind = unicodedata.category(character)
        if character in ".'’ʼ`´" or unicodedata.combining(character) or kind in ("Cf", "Lm"):
            return ""
        # Without their signs C++ and C# would both be C.
        return character if kind[0] in "LNM" or character in "+#" else " "


_FOLDING = _Folding()
