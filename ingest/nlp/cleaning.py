"""What is taken out of a text before entities are looked for in it; what is kept is as sent."""

import re

from ftfy import TextFixerConfig, fix_text
from selectolax.lexbor import LexborHTMLParser

# The tokenizer's time grows with the square of a run without white space.
MAX_RUN_CHARACTERS = 100  # characters

_RUN = re.compile(rf"\S{{{MAX_RUN_CHARACTERS}}}(?=\S)")
_LINE_ENDS = re.compile(r"\s*\n\s*")

# Soft hyphens, zero-width spaces, marks of direction and of byte order split a name unseen.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")

# Elements that begin a new line, and those whose text is not for readers.
_BLOCKS = (
    "address|article|aside|blockquote|br|dd|div|dl|dt|figcaption|figure|footer|form|h1|h2|h3|h4|h5|"
    "h6|header|hr|li|main|nav|ol|p|pre|section|table|td|th|tr|ul"
)
_UNREAD = "head|iframe|noscript|script|style|svg|template"
_OTHERS = "a|abbr|b|body|cite|code|em|font|html|i|img|mark|q|s|small|span|strong|sub|sup|u"

# A known element makes a text HTML; "a < b" and "<name withheld>" do not.
_HTML = re.compile(rf"</?(?:{_BLOCKS}|{_UNREAD}|{_OTHERS})(?:\s[^<>]*)?/?>", re.I)

# Mojibake, curly quotes, ligatures, control characters and lone surrogates, into NFC.
_FIXES = TextFixerConfig(explain=False)
# Looking for mojibake is most of ftfy's time, and it is never one strange character by itself.
_MOJIBAKE = re.compile(r"[^\x00-\x7f]{2}|Ã ")
_FIXES_BUT_MOJIBAKE = TextFixerConfig(explain=False, fix_encoding=False)


def clean(text: str) -> str:
    """Return a text as a reader would see it, in runs that the tokenizer can bear."""
    text = html_to_text(text)
    fixes = _FIXES if _MOJIBAKE.search(text) else _FIXES_BUT_MOJIBAKE
    return break_runs(_UNSEEN.sub("", fix_text(text, fixes)))


def html_to_text(text: str) -> str:
    """Return the readable text of HTML, a line for each block; any other text as it is."""
    if not _HTML.search(text):
        return text
    tree = LexborHTMLParser(text)
    for node in tree.css(_UNREAD.replace("|", ",")):
        node.decompose()
    for node in tree.css(_BLOCKS.replace("|", ",")):
        node.insert_before("\n")
        node.insert_after("\n")
    return _LINE_ENDS.sub("\n", tree.body.text()).strip() if tree.body else ""


def break_runs(text: str) -> str:
    """Put a space into every run without white space that would hold the tokenizer up."""
    return _RUN.sub(r"\g<0> ", text)
