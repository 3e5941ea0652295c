"""Cleaning a post's text for the model; the saved content stays as sent."""

import re

from ftfy import TextFixerConfig, fix_text, fix_text_segment

from ingest.nlp.html_text import html_to_text
from ingest.nlp.markup import remove_markup, restore_blanks, separate_start, unescape_literals
from ingest.nlp.white_space import fold_blanks, join_lines, remove_invisible

# The tokenizer's time grows with the square of the length of a run without white space.
MAX_RUN_CHARACTERS = 100

_RUN = re.compile(rf"\S{{{MAX_RUN_CHARACTERS}}}(?=\S)")

# Each of these signs is a token, and a post may have 100,000. No name has so many.
MAX_SIGNS = 40
_SIGN = r"(?>\s?\w{0,2}\s?[^\w\s])"
_SIGNS = re.compile(rf"({_SIGN}{{{MAX_SIGNS}}}){_SIGN}+")
# Below this length no text has many. The search takes milliseconds for the longest text.
MANY_CHARACTERS = 10_000

# ftfy would remove these signs, which separate words. The form feed separates pages.
_SEPARATOR = re.compile(r"[\x0b\x1c-\x1f]")

# ftfy repairs mojibake, curly quotes, ligatures, control characters and surrogates, into NFC.
_FIXES = TextFixerConfig(explain=False, unescape_html=True)
# The search for mojibake takes most of ftfy's time. Mojibake is never a single non-ASCII character.
_MOJIBAKE = re.compile(r"[^\x00-\x7f]{2}|Ã ")
_FIXES_WITHOUT_MOJIBAKE = _FIXES._replace(fix_encoding=False)
# In ASCII nothing else is broken.
_BROKEN_ASCII = re.compile(r"[&\x00-\x08\r\x0e-\x1b\x7f]")


def clean(text: str) -> str:
    """Return a text as a reader sees it, in runs short enough for the tokenizer."""
    text = repair(html_to_text(unescape_literals(text)))
    text = join_lines(fold_blanks(remove_invisible(text)))
    text = separate_start(restore_blanks(remove_markup(text)))
    return break_runs(shorten_signs(text))


def shorten_signs(text: str) -> str:
    """Cut each run of signs, and of words of one or two letters between signs, to MAX_SIGNS."""
    return text if len(text) < MANY_CHARACTERS else _SIGNS.sub(r"\1", text)


def repair(text: str) -> str:
    """Repair broken characters and entities."""
    text = _SEPARATOR.sub(" ", text.replace("\x0c", "\n"))
    if text.isascii() and not _BROKEN_ASCII.search(text):
        return text
    if _MOJIBAKE.search(text):
        return fix_text(text, _FIXES)
    return fix_text_segment(text, _FIXES_WITHOUT_MOJIBAKE)


def break_runs(text: str) -> str:
    """Insert a space after every MAX_RUN_CHARACTERS characters without white space."""
    is_long = any(len(run) > MAX_RUN_CHARACTERS for run in text.split())
    return _RUN.sub(r"\g<0> ", text) if is_long else text
