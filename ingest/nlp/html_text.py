"""The text that a reader sees of HTML, also of HTML inside CDATA or behind entities."""

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser

# Elements that begin a new line, elements whose text is not for readers, and other elements.
_BLOCKS = (
    "address|article|aside|blockquote|br|dd|div|dl|dt|figcaption|figure|footer|form|h1|h2|h3|h4|h5|"
    "h6|header|hr|li|main|nav|ol|p|pre|section|table|td|th|tr|ul"
)
_NOT_READ = "head|iframe|noscript|script|style|svg|template"
_OTHERS = "a|abbr|b|body|cite|code|em|font|html|i|img|mark|q|s|small|span|strong|sub|sup|u"

# A known element makes a text HTML; "a < b" and "<name withheld>" do not.
_HTML = re.compile(rf"</?(?:{_BLOCKS}|{_NOT_READ}|{_OTHERS})(?:\s[^<>]*)?/?>", re.I)
_BLOCK = re.compile(rf"</?(?:{_BLOCKS})[\s/>]", re.I)
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")

_LONE_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n\s*")

# A feed may escape the HTML of an article, and its own reader may escape it again.
_MAX_ESCAPES = 2


def html_to_text(text: str) -> str:
    """Return the readable text of HTML, one line per block; return any other text unchanged."""
    if "<" not in text and "&" not in text:
        return text
    html = _unescaped_html(text)
    return _text_of(html) if html else text


def _unescaped_html(text: str) -> str | None:
    """Return the HTML in a text, or None."""
    for _ in range(1 + _MAX_ESCAPES):
        bare = _CDATA.sub("", text) if "<![CDATA[" in text else text
        if bare is not text or _HTML.search(text):
            return bare
        if "lt;" not in text:
            return None
        text = unescape(text)
    return None


def _text_of(html: str) -> str:
    if not _HTML.search(html):  # what CDATA held is plain text
        return html
    if _BLOCK.search(html) and "<pre" not in html:
        html = _LONE_LINE_END.sub(
            " ", html.replace("\r\n", "\n")
        )  # an element ends a line, and not the source's lines
    tree = LexborHTMLParser(html)
    for node in tree.css(_NOT_READ.replace("|", ",")):
        node.decompose()
    for node in tree.css("sup"):
        if not any(map(str.isalpha, node.text().partition("[")[0])):  # the mark of a footnote
            node.decompose()
    for node in tree.css(_BLOCKS.replace("|", ",")):
        node.insert_before("\n")
        node.insert_after("\n")
    text = _BLANKS.sub(" ", tree.body.text()) if tree.body else ""
    return _LINE_ENDS.sub("\n", text).strip()
