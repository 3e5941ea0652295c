"""Names that the model found without their first word: "Explorer" after "Internet"."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ingest.core.entity_names import entity_key, entity_text, family
from ingest.nlp import name_lists
from ingest.nlp.evidence import Mention

Keyed = Sequence[tuple[str, Mention]]  # each mention with its key

# A word in capitals right before a name, on the same line.
_WORD_BEFORE = re.compile(r"(?:^|(?P<middle>[\w,;\u201d\"')] )|\W)(?P<word>[A-Z]\w*[a-z]\w*) $")
# Single mentions tell nothing of a word that is in capitals by chance.
MIN_MENTIONS = 2


def join_words(keyed: Keyed) -> Keyed:
    """
    Return mentions with the word in capitals that precedes every mention of a name in a post.

    People are left alone, since "Striker" before a surname is no name. So are known names, and
    names after another name.
    """
    own: dict[str, list[Mention]] = defaultdict(list)
    for key, mention in keyed:
        own[key].append(mention)
    words = {key: _word_before(key, mentions) for key, mentions in own.items()}
    found = {key: word for key, word in words.items() if word and entity_key(word) not in own}
    return [_joined(m, found[key]) if key in found else (key, m) for key, m in keyed]


def _word_before(key: str, mentions: Sequence[Mention]) -> str:
    """Return the word that precedes all mentions of a name, and one of them within a sentence."""
    if len(mentions) < MIN_MENTIONS or " " in key or key in name_lists.places():
        return ""
    if _is_person_or_fixed(mentions):
        return ""
    before = [_WORD_BEFORE.search(mention.before) for mention in mentions]
    words = {match["word"] if match else "" for match in before}
    is_name = any(match and match["middle"] for match in before)
    return words.pop() if len(words) == 1 and is_name else ""


def _is_person_or_fixed(mentions: Iterable[Mention]) -> bool:
    families = Counter(family(mention.label) for mention in mentions)
    is_fixed = any(mention.is_fixed or mention.label == "NORP" for mention in mentions)
    return is_fixed or 2 * families["PERSON"] >= families.total()


def _joined(mention: Mention, word: str) -> tuple[str, Mention]:
    text = entity_text(f"{word} {mention.text}", mention.label)
    before = mention.before[: -len(word) - 1]
    return entity_key(text), mention._replace(text=text, before=before)
