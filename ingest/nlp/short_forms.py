"""Short forms that a post itself explains: "Reserve Bank of Australia (RBA)"."""

import re
from collections.abc import Iterable

from ingest.core.entity_names import entity_key
from ingest.nlp.kinds import Mention

# What stands in brackets right after a name, in quotes or not.
_IN_BRACKETS = re.compile(r"^ ?\((?:the |or )?[\"']?(\w[\w.&/-]{0,9}\w)[\"']?[);,]")


def long_forms(mentions: Iterable[tuple[str, Mention]]) -> dict[str, str]:
    """
    Return the key of the long form of each short form that a post defines, by key.

    Args:
        mentions: pairs of a key and a mention with its context.
    """
    found: dict[str, set[str]] = {}
    for key, mention in mentions:
        defined = _IN_BRACKETS.search(mention.after)
        if defined and _is_short_form(defined[1], key):
            found.setdefault(entity_key(defined[1]), set()).add(key)
    return {short: keys.pop() for short, keys in found.items() if len(keys) == 1}


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
