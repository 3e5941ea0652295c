"""The sentence in which a post mentions an entity."""

import re
from typing import NamedTuple

from ingest.cleaning import clean
from ingest.counts import name_of
from ingest.messages import PostEntities
from ingest.names import entity_id

# More of a sentence than this, to each side of the mention, is left out.
SIDE = 160  # characters

_END = re.compile(r"[.!?…]['\"\u201d\u2019)]*\s+|\n\s*\n")


class Passage(NamedTuple):
    """A sentence, cut where it mentions an entity."""

    before: str
    mention: str
    after: str


def find_passage(post: PostEntities, id_: str) -> Passage | None:
    """Find the first sentence that mentions an entity; None where the content was not kept."""
    content = clean(post.content)
    for entity in post.entities:
        if entity_id(*name_of(entity)) == id_ and (found := _find(entity.text, content)):
            return _sentence(content, *found.span())
    return None


def _find(text: str, content: str) -> re.Match[str] | None:
    """Find a form as a word of its own, whatever white space the article has in it."""
    form = r"\s+".join(map(re.escape, text.split()))
    return re.search(rf"(?<!\w){form}(?!\w)", content)


def _sentence(content: str, start: int, end: int) -> Passage:
    ends = [match.end() for match in _END.finditer(content, 0, start)]
    begin = ends[-1] if ends else 0
    following = _END.search(content, end)
    stop = following.end() if following else len(content)
    before, after = content[begin:start], content[end:stop].rstrip()
    return Passage(_tail(before), " ".join(content[start:end].split()), _head(after))


def _tail(text: str) -> str:
    return text.lstrip() if len(text) <= SIDE else "… " + text[-SIDE:].partition(" ")[2]


def _head(text: str) -> str:
    return text if len(text) <= SIDE else text[:SIDE].rpartition(" ")[0] + " …"
