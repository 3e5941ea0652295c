"""White space as a reader sees it: one blank between words, no invisible sign, whole sentences."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# Unicode's blanks, and the sign of Braille without a dot.
_BLANK = r" \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800"
# A single space stays; every other run of blanks becomes one.
_BLANKS = re.compile(rf"[{_BLANK[1:]}][{_BLANK}]*| [{_BLANK}]+")
# What can separate the columns of a table.
_GAP = re.compile(r"\t| {3,}")
CELL_CHARACTERS = 30  # of a table's cells on average; a longer one is prose

# Signs without a form of their own: soft hyphens, direction marks and their isolates, variation
# selectors, tags, fillers, C1 controls and byte order marks. Inside a name they split it.
_INVISIBLE = re.compile(
    "[\x80-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Joiners mean something after a letter of the scripts from Arabic to Mongolian, except Georgian,
# Korean and Ethiopian.
_LONE_JOINER = re.compile("[\u200c\u200d](?<![\u0600-\u109f\u1780-\u18af].)")
# Few texts have other characters than Latin letters and common punctuation. The search is fast.
_UNUSUAL = re.compile("[^\x00-\x7f\xa0-\xac\xae-\u024f\u2010-\u2027]")

MIN_WIDTH, MAX_WIDTH = 30, 100  # columns of a wrapped text
# A sentence has a line of this length beside its break; a poem and a list have shorter lines.
SENTENCE_CHARACTERS = 40
# A line of this length without an end mark is no headline: its sentence goes on.
PARAGRAPH_CHARACTERS = 100

# ftfy has made all quotes straight before.
_END_MARKS = tuple(".!?:;…\"')]»|*")
_OPENING_SIGNS = "\"'«([-\u2013\u2014"
_ITEM = re.compile(r"[-*•·▪\u2013\u2014+>]\s|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)]\s")
_TABLE_SIGN = re.compile(r"\t|\||   ")
_HYPHEN = re.compile(r"\w-{1,2}\Z")
# A headline or a line of a poem seldom ends with one of these.
_OPEN_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "but", "by", "for", "from", "had", "has", "have"),
        *("her", "his", "in", "into", "is", "its", "of", "on", "or", "said", "than", "that", "the"),
        *("their", "to", "was", "were", "which", "who", "will", "with", "would"),
        *("Dr", "Dr.", "Mr", "Mr.", "Mrs", "Mrs.", "Ms", "Ms.", "Minister", "President", "Senator"),
    )
)

# A line that begins with one of these begins a sentence, and does not end a name.
_FIRST_WORDS = frozenset(
    (
        *("A", "After", "All", "An", "And", "As", "At", "But", "By", "For", "From", "He", "Her"),
        *("His", "How", "I", "If", "In", "It", "Its", "No", "Not", "Of", "On", "Or", "She", "So"),
        *("That", "The", "Then", "There", "They", "This", "To", "We", "What", "When", "Who", "You"),
    )
)
# "The United" is half a name.
_OPEN_NAME = re.compile(r"\b[Tt]he [A-Z][\w'-]+\Z")
PHRASE_CHARACTERS = 20  # the shortest line with half a sentence, the longest with its last words
# A headline has no sentence that ends inside it.
_INNER_END = re.compile(r"[a-z]{3}[.!?][\"')]? [\"'(]?[A-Z]")


def remove_invisible(text: str) -> str:
    """Remove signs that no reader sees and that split a name."""
    return _LONE_JOINER.sub("", _INVISIBLE.sub("", text)) if _UNUSUAL.search(text) else text


def fold_blanks(text: str) -> str:
    """Replace each run of blanks by one space; leave the gaps between the columns of a table."""
    if text.isascii() and "  " not in text and "\t" not in text:
        return text
    return text if _is_table(text) else _BLANKS.sub(" ", text)


def _is_table(text: str) -> bool:
    """Return whether several lines have the same number of short columns."""
    rows = {line: gaps for line in text.split("\n") if (gaps := len(_GAP.findall(line.strip())))}
    if len(rows) < 2 or len(set(rows.values())) > 1:
        return False
    cells = sum(gaps + 1 for gaps in rows.values())
    return sum(map(len, rows)) <= CELL_CHARACTERS * cells


class _Break(NamedTuple):
    """The break after a line: the line's length, the next line's first word, and how it begins."""

    length: int
    next_word: int
    next_is_lower: bool

    def is_full(self, width: int) -> bool:
        """Return whether the next word would not have fitted into the line, after two spaces."""
        return self.length + 2 + self.next_word > width


def join_lines(text: str) -> str:
    """Join the lines of wrapped text and of broken sentences, but not of poems, lists or tables."""
    if "\n" not in text:
        return text
    lines = text.split("\n")
    pairs = [(line.strip(), following.strip()) for line, following in pairwise(lines)]
    breaks = [_break(*pair) for pair in pairs]
    width = _wrapped_at([found for found in breaks if found])
    parts = lines[:1]
    for (line, following), found, whole in zip(pairs, breaks, lines[1:], strict=True):
        if found and (
            (width and found.is_full(width)) or _breaks_a_sentence(line, following, width)
        ):
            parts[-1:] = parts[-1].rstrip(), _joint(line), following
        else:
            parts += "\n", whole
    return "".join(parts)


def _break(line: str, following: str) -> _Break | None:
    """Return the break between two lines, or None between paragraphs or in a table."""
    if not line or not following or _TABLE_SIGN.search(line) or _TABLE_SIGN.search(following):
        return None
    return _Break(len(line), len(following.partition(" ")[0]), _begins_small(following))


def _wrapped_at(breaks: Sequence[_Break]) -> int | None:
    """
    Return the column at which a text was wrapped, or None.

    Most breaks of wrapped prose are where the next word no longer fitted, and many of its lines
    begin with a small letter. A few lines may be longer: an address has no place to break.
    """
    if not breaks:
        return None
    width = sorted(b.length for b in breaks)[9 * (len(breaks) - 1) // 10]
    full = [b for b in breaks if b.is_full(width)]
    is_prose = 5 * sum(b.next_is_lower for b in full) >= len(full) >= len(breaks) / 2
    return width if is_prose and MIN_WIDTH <= width <= MAX_WIDTH else None


def _breaks_a_sentence(line: str, following: str, width: int | None) -> bool:
    """Return whether a sentence goes on in the next line, wherever the lines end."""
    if _ITEM.match(following):
        return False
    longer = max(len(line), len(following))
    if longer >= PHRASE_CHARACTERS and _ends_half_a_phrase(line, following):
        return True
    if longer < (MIN_WIDTH if width else SENTENCE_CHARACTERS):
        return False
    if _begins_small(following):
        return not line.endswith(":")
    if line.endswith(_END_MARKS):
        return False
    is_rest = len(following) <= PHRASE_CHARACTERS and following.endswith(".")
    is_prose = len(line) >= PARAGRAPH_CHARACTERS or _INNER_END.search(line)
    return is_rest or bool(is_prose) or _splits_a_name(line, following)


def _ends_half_a_phrase(line: str, following: str) -> bool:
    """Return whether a line ends with an article or a title, after "the United" or in a word."""
    if line.rpartition(" ")[2] in _OPEN_WORDS:
        return True
    if _HYPHEN.search(line) and _begins_small(following):
        return True
    return bool(_OPEN_NAME.search(line)) and _begins_with_name(following)


def _splits_a_name(line: str, following: str) -> bool:
    """Return whether two capital words are one name, and the line is no headline in capitals."""
    words = [word for word in line.split() if len(word) > 3]
    small = sum(word[0].islower() for word in words)
    is_headline = len(line) < SENTENCE_CHARACTERS or 2 * small < len(words)
    ends_with_name = line.rpartition(" ")[2][:1].isupper()
    return ends_with_name and _begins_with_name(following) and not is_headline


def _begins_with_name(line: str) -> bool:
    """Return whether a line begins with a capital word that seldom begins a sentence."""
    word = line.partition(" ")[0]
    return word[:1].isupper() and word not in _FIRST_WORDS


def _begins_small(line: str) -> bool:
    return line.lstrip(_OPENING_SIGNS)[:1].islower()


def _joint(line: str) -> str:
    """Return what joins a line to the next: nothing after the hyphen inside a word."""
    return "" if _HYPHEN.search(line) else " "
