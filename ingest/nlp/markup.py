"""Signs that writers and programs leave around names: links, footnotes, escapes, lost blanks."""

import re

# Escapes of JSON and Python that a program wrote as text.
_ESCAPE = re.compile(
    r"\\{1,2}(?:u(?P<u>[0-9a-fA-F]{4})|x(?P<x>[0-9a-fA-F]{2})|(?P<sign>[nrt\"'/]))"
)
_SIGNS = {"n": "\n", "r": "\n", "t": "\t"}
# The backslashes of a file's path or a formula mean something else: C:\new, \\host\new and \alpha.
_OTHER_BACKSLASH = re.compile(
    r"\\(?![\\nrt\"'/\s]|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})\S|\b[A-Za-z]:\\|(?<!\S)\\\\\w{2,}\\"
)

_CAPITAL = "[A-ZÀ-ÖØ-Þ]"
# A blank is missing: "(CNN)Barack", "(Reuters)- Theresa", "Obama(left)" and `he said."Obama`. A
# search for a single sign is fast, and the text before it is looked at afterwards.
_AFTER_BRACKET = re.compile(rf"[)\]](?={_CAPITAL}|[-\u2013\u2014]{{1,2}}\s)")
_BEFORE_BRACKET = re.compile(rf"[(\[](?<=[a-zà-ÿ][(\[])(?={_CAPITAL}|[a-z]{{2}})")
_AFTER_QUOTE = re.compile(rf"[\"'](?<=[.,!?][\"'])(?={_CAPITAL})")

# A byline is a line of names. A dateline ends with a dash: "NEW YORK, Nov 13 (Reuters) - The".
_BYLINE = re.compile(rf"^By (?:(?:{_CAPITAL}[\w.'-]*,?|and) ){{1,8}}{_CAPITAL}[\w'-]*(?=\n)", re.M)
_DATELINE = re.compile(
    rf"^(?P<byline>By [^\n]{{2,80}}?[,.]? )?(?=[(A-ZÀ-ÖØ-Þ])"
    rf"(?P<place>{_CAPITAL}{{2}}[A-ZÀ-ÖØ-Þ .'/-]*?)?"
    rf"(?P<rest>(?:, [A-Z][\w. ]{{1,30}}?){{0,2}})(?P<agency> ?\({_CAPITAL}[\w /.&-]{{1,40}}\))?"
    # A hyphen without a blank is a part of a name: "AFL-CIO President".
    rf"(?: ?(?:--|[\u2013\u2014_]) ?| - ?|- )(?=[\"']?{_CAPITAL})",
    re.M,
)
START_CHARACTERS = 500  # a byline and a dateline are in these
MIN_PLACE_CHARACTERS = 4  # "US - China talks" is no dateline
_WORD = re.compile(r"[^\W\d_][\w']*")

_WIKI_FILE = re.compile(r" ?\[\[(?:File|Image|Category):[^\[\]\n]*\]\]", re.I)
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|\n]{0,200}\|)?([^\[\]|\n]{1,200})\]\]")
_WIKI_TEMPLATE = re.compile(r" ?\{\{[^{}]{0,1000}\}\}")
_WEB_LINK = re.compile(r"\[(?:https?:)?//[^\s\[\]]{1,2000} ([^\[\]\n]{1,300})\]")
_MARKDOWN_LINK = re.compile(
    r"!?\[([^\[\]\n]{1,300})\]\((?:\w+:|www\.|[/.#])[^\s()]{0,2000}(?: \"[^\"\n]{0,300}\")?\)"
)
_FOOTNOTE = re.compile(
    r" ?\[(?:\d{1,3}(?:[-\u2013,] ?\d{1,3}){0,9}|(?:note|nb|n) ?\d{1,3}|citation needed|edit)\]"
    r"|(?<=\S)\[[a-z]\]"
)
_EDITED_LETTER = re.compile(rf"\[({_CAPITAL})\](?=[a-zà-ÿ])")  # "[A]ngela"
_SUPERSCRIPT = re.compile(r"[¹²³⁰⁴-⁹†‡§](?<=[^\W\d_].)[¹²³⁰⁴-⁹†‡§]*(?!\w)")
_EMPHASIS = re.compile(
    r"'{3,5}|(?<![\w*])\*{1,3}(?=\w)|(?<=[\w.!?])\*{1,3}(?![\w*])"
    r"|(?<!\w)_{1,2}(?=[^\W_])|(?<=[^\W_])_{1,2}(?!\w)"
)


def unescape_literals(text: str) -> str:
    r"""Return a text with the signs that a literal "\n" or "\u2019" in it stands for."""
    if "\\" not in text or _OTHER_BACKSLASH.search(text):
        return text
    halves = _ESCAPE.sub(_unescaped, text)
    # JSON writes an emoji as two surrogates. Half of one is no character.
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(match: re.Match[str]) -> str:
    code = match["u"] or match["x"]
    return chr(int(code, 16)) if code else _SIGNS.get(match["sign"], match["sign"])


def restore_blanks(text: str) -> str:
    """Insert the blanks that are missing between a bracket or quote and a name."""
    if "(" in text or "[" in text:
        text = _BEFORE_BRACKET.sub(r" \g<0>", _AFTER_BRACKET.sub(r"\g<0> ", text))
    return _AFTER_QUOTE.sub(r"\g<0> ", text)


def separate_start(text: str) -> str:
    """Put a byline and a dateline on lines of their own, with the place in small letters."""
    start, rest = text[:START_CHARACTERS], text[START_CHARACTERS:]
    return _DATELINE.sub(_dateline, _BYLINE.sub(r"\g<0>.", start), count=1) + rest


def _dateline(match: re.Match[str]) -> str:
    byline, place, rest, agency = (group or "" for group in match.groups())
    is_short = len(place) < MIN_PLACE_CHARACTERS
    if is_short and not agency:
        return match[0]
    # "NATO - The" and "UNESCO, UNICEF - The" begin like places.
    if not is_short and (agency or (rest and not rest.isupper())):
        place = _WORD.sub(lambda word: word[0].capitalize(), place)
    own_line = f"{byline.rstrip(' ,.')}.\n" if byline else ""
    return f"{own_line}{place}{rest}{agency} -\n"


def remove_markup(text: str) -> str:
    """Remove the links, footnote marks and emphasis around names, and keep the names."""
    if "[" in text:
        text = _AFTER_BRACKET.sub(r"\g<0> ", text)
        for link in (_WIKI_LINK, _WEB_LINK, _MARKDOWN_LINK, _EDITED_LETTER):
            text = link.sub(r"\1", _WIKI_FILE.sub("", text))
        text = _FOOTNOTE.sub("", text)
    if "{{" in text:
        text = _WIKI_TEMPLATE.sub("", text)
    if "*" in text or "_" in text or "'''" in text:
        text = _EMPHASIS.sub("", text)
    return text if text.isascii() else _SUPERSCRIPT.sub("", text)
