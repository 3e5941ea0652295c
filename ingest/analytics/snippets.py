"""The sentence in which a post mentions an entity."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ingest.core.aliases import Rules, destination
from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.nlp.cleaning import clean

# More of a sentence than this, to each side of the mention, is left out.
SIDE_CHARACTERS = 160  # characters
BEGINNING_CHARACTERS = 300

NO_RULES = Rules()

_END = re.compile(r"[.!?…]['\"\u201d\u2019)]*\s+|\n\s*\n")


class Snippet(NamedTuple):
    """A sentence, cut where it mentions an entity."""

    before: str
    mention: str
    after: str


def find_snippet(post: PostEntities, id_: str, rules: Rules = NO_RULES) -> Snippet | None:
    """
    Find the first sentence that mentions an entity; None where the content was not kept.

    Args:
        rules: the aliases, since the post may mention the entity by a name that counts as it.
    """
    content = clean(post.content)
    for text in _texts(post, id_, rules):
        if found := _find(text, content):
            return _sentence(content, *found.span())
    return None


def beginning_of(post: PostEntities) -> str:
    """Return how a post begins; "" where the content was not kept."""
    content = clean(post.content)
    if len(content) <= BEGINNING_CHARACTERS:
        return content
    return content[:BEGINNING_CHARACTERS].rpartition(" ")[0] + " …"


def _texts(post: PostEntities, id_: str, rules: Rules) -> Iterator[str]:
    """Yield the texts of the mentions that count as an entity."""
    yield from (e.text for e in post.entities if entity_id(*name_of(e)) == id_)
    table = rules.table(post.publication)
    for entity in post.found or ():
        end = destination(table, name_of(entity))
        if end and entity_id(*end) == id_:
            yield entity.text


def _find(text: str, content: str) -> re.Match[str] | None:
    """
    Find a form as a word of its own, whatever white space the article has in it.

    Its capitals matter less: cleaning has put the places of datelines into small letters since
    some posts were saved.
    """
    form = r"\s+".join(map(re.escape, text.split()))
    word = rf"(?<!\w){form}(?!\w)"
    return re.search(word, content) or re.search(word, content, re.IGNORECASE)


def _sentence(content: str, start: int, end: int) -> Snippet:
    ends = [match.end() for match in _END.finditer(content, 0, start)]
    begin = ends[-1] if ends else 0
    following = _END.search(content, end)
    stop = following.end() if following else len(content)
    before, after = content[begin:start], content[end:stop].rstrip()
    return Snippet(_tail(before), " ".join(content[start:end].split()), _head(after))


def _tail(text: str) -> str:
    return (
        text.lstrip()
        if len(text) <= SIDE_CHARACTERS
        else "… " + text[-SIDE_CHARACTERS:].partition(" ")[2]
    )


def _head(text: str) -> str:
    return (
        text if len(text) <= SIDE_CHARACTERS else text[:SIDE_CHARACTERS].rpartition(" ")[0] + " …"
    )
