"""Cleaning a post's text for the model; the saved content stays as sent."""

import re

from ftfy import TextFixerConfig, fix_text
from selectolax.lexbor import LexborHTMLParser

# The tokenizer's time grows with the square of the length of a run without white space.
MAX_RUN_CHARACTERS = 100

_RUN = re.compile(rf"\S{{{MAX_RUN_CHARACTERS}}}(?=\S)")
_LINE_ENDS = re.compile(r"\s*\n\s*")

# Soft hyphens, zero-width spaces, direction marks and byte order marks split a name invisibly.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")

# Elements that begin a new line, elements whose text is not for readers, and other elements.
_BLOCKS = (
    "address|article|aside|blockquote|br|dd|div|dl|dt|figcaption|figure|footer|form|h1|h2|h3|h4|h5|"
    "h6|header|hr|li|main|nav|ol|p|pre|section|table|td|th|tr|ul"
)
_NOT_READ = "head|iframe|noscript|script|style|svg|template"
_OTHERS = "a|abbr|b|body|cite|code|em|font|html|i|img|mark|q|s|small|span|strong|sub|sup|u"

# A known element makes a text HTML; "a < b" and "<name withheld>" do not.
_HTML = re.compile(rf"</?(?:{_BLOCKS}|{_NOT_READ}|{_OTHERS})(?:\s[^<>]*)?/?>", re.I)

# ftfy repairs mojibake, curly quotes, ligatures, control characters and surrogates, into NFC.
_FIXES = TextFixerConfig(explain=False)
# The search for mojibake takes most of ftfy's time. Mojibake is never a single non-ASCII character.
_MOJIBAKE = re.compile(r"[^\x00-\x7f]{2}|Ã ")
_FIXES_WITHOUT_MOJIBAKE = TextFixerConfig(explain=False, fix_encoding=False)


def clean(text: str) -> str:
    """Return a text as a reader sees it, in runs short enough for the tokenizer."""
    text = html_to_text(text)
    fixes = _FIXES if _MOJIBAKE.search(text) else _FIXES_WITHOUT_MOJIBAKE
    return break_runs(_INVISIBLE.sub("", fix_text(text, fixes)))


def html_to_text(text: str) -> str:
    """Return the readable text of HTML, one line per block; return any other text unchanged."""
    if not _HTML.search(text):
        return text
    tree = LexborHTMLParser(text)
    for node in tree.css(_NOT_READ.replace("|", ",")):
        node.decompose()
    for node in tree.css(_BLOCKS.replace("|", ",")):
        node.insert_before("\n")
        node.insert_after("\n")
    return _LINE_ENDS.sub("\n", tree.body.text()).strip() if tree.body else ""


def break_runs(text: str) -> str:
    """Insert a space after every MAX_RUN_CHARACTERS characters without white space."""
    return _RUN.sub(r"\g<0> ", text)
