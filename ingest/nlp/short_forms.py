"""Short forms that a post itself explains: "Reserve Bank of Australia (RBA)"."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from ingest.core.entity_names import entity_key, family
from ingest.nlp import name_lists
from ingest.nlp.evidence import Mention

# What stands in brackets right after a name, in quotes or not.
_IN_BRACKETS = re.compile(r"^ ?[(\[](?:the |or )?[\"']?(\w[\w.&/-]{0,9}\w)[\"']?[)\];,]")
_LONG_IN_BRACKETS = re.compile(r"^ ?[(\[](?:the )?([^()\[\];,]+)[)\];,]")
# Words that initials may leave out.
_SMALL_WORDS = frozenset(("a", "and", "at", "de", "for", "in", "of", "on", "the", "to"))
MIN_INITIALS = 3
# "Reserve Bank" is short for the Reserve Bank "of" Australia.
_LINKS = (" of ", " for ")


def long_forms(mentions: Iterable[tuple[str, Mention]]) -> dict[str, str]:
    """
    Return the key of the long form of each short form of a post, by key.

    Brackets define a short form. Otherwise it is short for the one name that has its initials, or
    for the one organisation that it begins.

    Args:
        mentions: pairs of a key and a mention with its context, and the label that it counts with.
    """
    keyed = list(mentions)
    labels = {key: mention.label for key, mention in keyed}
    found: dict[str, set[str]] = defaultdict(set)
    for short, key in _defined_in_brackets(keyed, labels):
        found[short].add(key)
    defined, initials, beginnings = set(found), _by_initials(labels), _by_beginning(labels)
    for key, mention in keyed:
        if key not in defined:
            own = initials[key] if _may_be_initials(key, mention) else set[str]()
            found[key] |= own or (beginnings[key] if family(labels[key]) == "GROUP" else own)
    return {short: keys.pop() for short, keys in found.items() if len(keys) == 1}


def _defined_in_brackets(
    keyed: Iterable[tuple[str, Mention]], keys: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield keys of short and long forms, either of them in brackets after the other."""
    for key, mention in keyed:
        short = _IN_BRACKETS.search(mention.after)
        if short and _is_short_form(short[1], key):
            yield entity_key(short[1]), key
        long = _LONG_IN_BRACKETS.search(mention.after)
        long_key = entity_key(long[1]) if long else ""
        if long_key in keys and _is_short_form(mention.text, long_key):
            yield key, long_key


def _may_be_initials(key: str, mention: Mention) -> bool:
    is_short = mention.text.isupper() and len(key) >= MIN_INITIALS and " " not in key
    return is_short and key not in name_lists.regions()


def _by_initials(labels: Mapping[str, str]) -> Mapping[str, set[str]]:
    """Return the names of a post, but people's, by the first letters of their words."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, label in labels.items():
        words = key.split(" ")
        if label != "PERSON" and len(words) > 1:
            large = (word for word in words if word not in _SMALL_WORDS)
            found["".join(word[0] for word in words)].add(key)
            found["".join(word[0] for word in large)].add(key)
    return found


def _by_beginning(labels: Mapping[str, str]) -> Mapping[str, set[str]]:
    """Return the organisations of a post by what stands before "of" or "for" in them."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, label in labels.items():
        for link in _LINKS if label == "ORG" else ():
            beginning, _, rest = key.partition(link)
            if rest:
                found[beginning].add(key)
    return found


def _is_short_form(short: str, key: str) -> bool:
    """
    Return whether the signs of a short form stand in the words of a name, in their order.

    This is the test of Schwartz and Hearst (2003): from the end, each sign has a place further to
    the left, and the first sign begins a word.
    """
    signs = entity_key(short).replace(" ", "")
    if sum(map(str.isupper, short)) < 2 or not 2 <= len(signs) < len(key) or " " not in key:
        return False
    place = len(key)
    for sign in reversed(signs[1:]):
        place = key.rfind(sign, 0, place)
        if place < 1:
            return False
    return f" {key[:place]}".rfind(f" {signs[0]}") >= 0
