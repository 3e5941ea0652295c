"""
The mentions that odd ways of writing a text cost: `python -m tests.harness.text_kinds`.

    make insight    # runs this too

The program writes 300 real articles in each way, such as with no-break spaces or wrapped at 72
columns. It finds their entities with the pipeline's own functions. A mention is lost if the plain
article has it and the article in that way has not. The program prints a table and one line of JSON,
after a table of what the model reads of some examples. It also times the longest posts.
"""

import re
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.core.entity_names import family
from ingest.core.posts import MAX_CONTENT_CHARACTERS
from ingest.nlp.cleaning import clean
from ingest.nlp.ner import extract_entities, load_model
from ingestsite import configuration
from tests.harness import runner
from tests.harness.articles import articles
from tests.support.factories import accepted

Mentions = Counter[tuple[str, str]]  # by family and key
Way = Callable[[str], str]

BLANKS = {
    "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
    "thin space": "\u2009",
    "hair space": "\u200a",
    "en space": "\u2002",
    "em space": "\u2003",
    "figure space": "\u2007",
    "mathematical space": "\u205f",
    "ideographic space": "\u3000",
    "tab": "\t",
    "two spaces": "  ",
    "space and no-break space": " \u00a0",
}
TABLE_WIDTH = 150
NEWLINE = "\r\n"
INVISIBLE = {
    "soft hyphen": "\u00ad",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "direction isolate": "\u2068",
    "variation selector": "\ufe0f",
    "tag": "\U000e0061",
    "Hangul filler": "\u3164",
    "C1 control": "\u0081",
}
NAME = re.compile(r"(?<!\[)\b[A-Z]\w+(?: [A-Z]\w+)*")
# How a name is written.
MARKUP = {
    "footnote marks": "{}[1][2]",
    "superscript marks": "{}\u00b9",
    "daggers": "{}\u2020",
    "wiki links": "[[{}]]",
    "wiki links to others": "[[Some page|{}]]",
    "web links of a wiki": "[https://example.org/a {}]",
    "links of Markdown": "[{}](https://example.org/a)",
    "bold of Markdown": "**{}**",
    "italics of Markdown": "*{}*",
}
STARTS = {
    "(CNN)": "(CNN)",
    "(CNN) --": "(CNN) -- ",
    "LONDON (Reuters) -": "LONDON (Reuters) - ",
    "LONDON (Reuters)-": "LONDON (Reuters)- ",
    "WASHINGTON (AP) \u2014": "WASHINGTON (AP) \u2014 ",
    "WASHINGTON (AP) _": "WASHINGTON (AP) _ ",
    "PARIS, Nov 13 (AFP) -": "PARIS, Nov 13 (AFP) - ",
    "KABUL, Afghanistan \u2014": "KABUL, Afghanistan \u2014 ",
    "BERLIN--": "BERLIN--",
    "a byline": "By Jane Miller and John Roe\n",
    "a byline before a dateline": "By Jane Miller LONDON (Reuters) - ",
}
WIDTHS = (40, 48, 56, 64, 72)


def with_blank(blank: str, text: str) -> str:
    return text.replace(" ", blank)


def wrapped(width: int, text: str) -> str:
    return textwrap.fill(text, width)


def in_html(text: str) -> str:
    """Wrap a text in a paragraph's source lines."""
    lines = textwrap.wrap(text, 72, break_on_hyphens=False)
    return f"<p>{NEWLINE.join(lines)}</p>"


def with_sign(sign: str, text: str) -> str:
    """Put an invisible sign inside each name."""
    return NAME.sub(lambda name: f"{name[0][:2]}{sign}{name[0][2:]}", text)


def with_markup(template: str, text: str) -> str:
    return NAME.sub(lambda name: template.format(name[0]), text)


def in_cdata(text: str) -> str:
    return f"<![CDATA[<p>{text}</p>]]>"


def with_entities(text: str) -> str:
    """Escape a text that has a sign of mathematics too."""
    return text.replace("&", "&amp;").replace("'", "&#39;").replace(" ", "&nbsp;") + "\n\n1 < 2"


def with_literal_breaks(text: str) -> str:
    return wrapped(72, text).replace("\n", r"\n")


def ways() -> Iterator[tuple[str, Way]]:
    """Yield the ways to write a text."""
    for name, blank in BLANKS.items():
        yield name, partial(with_blank, blank)
    for width in WIDTHS:
        yield f"wrapped at {width} columns", partial(wrapped, width)
    yield "source lines of HTML", in_html
    yield "CDATA", in_cdata
    yield 'entities beside a "<"', with_entities
    yield r"literal \n", with_literal_breaks
    for name, sign in INVISIBLE.items():
        yield f"{name} in names", partial(with_sign, sign)
    for name, template in MARKUP.items():
        yield name, partial(with_markup, template)
    for name, start in STARTS.items():
        yield f"begins with {name}", start.__add__


# Each kind of sign that cleaning mends, as it is sent.
EXAMPLES = {
    "blank": ("Angela\u00a0Merkel", "Angela\u2003\u2009Merkel", "Angela\tMerkel"),
    "wrapped line": (
        "He met the president of the United\nStates.",
        "Its vice-\npresident for Europe left on Monday.",
        "<p>Angela\nMerkel</p>",
    ),
    "line that stays": (
        "And summer's lease hath all too short\nA date",
        "- Angela Merkel\n- Barack Obama",
        "Merkel\t100\nObama\t90",
    ),
    "invisible sign": ("Ang\u2068ela", "Mer\u200dkel", "Ber\U000e0061lin\ufe0f"),
    "lost blank": ("(CNN)Barack Obama", "Obama(left)", "LONDON (Reuters)- Theresa"),
    "dateline, byline": (
        "NEW YORK, Nov 13 (AFP) \u2014 The",
        "By Jane Roe OSLO (AP) - It",
        "By Jane Roe\nOslo was calm.",
    ),
    "footnote": ("Angela Merkel[1][2]", "Merkel [citation needed]", "Obama\u00b9 and May\u2020"),
    "literal escape": (r"Oslo.\n\nAngela", r"Beyonc\u00e9", r"C:\new\reports"),
    "entity": ("AT&amp;T, a < b", "&amp;amp; &#39;x&#39; <", "Angela&nbsp;Merkel"),
    "escaped HTML": (
        "<![CDATA[<p>Oslo</p>]]>",
        "&lt;p&gt;Oslo&lt;/p&gt;",
        "&amp;lt;b&amp;gt;Oslo&amp;lt;/b&amp;gt;",
    ),
    "link": (
        "[[Barack Obama|Obama]]",
        "[https://x.org Oslo]",
        "[Angela Merkel](https://x.org)",
    ),
    "emphasis": ("**Angela** Merkel", "_Oslo_", "'''Obama'''"),
    "very many signs": ("(" * 20_000, "a-" * 20_000, "\U0001f600" * 20_000),
}


# What the longest post may consist of.
LONGEST = (
    "(",
    "'",
    "a-",
    "\U0001f600",
    "\ufdfd",
    "=",
    "- ",
    "(a (b ",
    "A ",
    "aa-aaa-",
    "The man. ",
)


def slowest(finder: "MentionFinder") -> float:
    """Print the processor time of the longest posts, and return the largest in seconds."""
    table = Table(f"{MAX_CONTENT_CHARACTERS:,} characters of", "seconds")
    seconds = []
    for sign in LONGEST:
        text = (sign * MAX_CONTENT_CHARACTERS)[:MAX_CONTENT_CHARACTERS].strip()
        began = time.process_time()
        finder.find([text])
        seconds.append(round(time.process_time() - began, 2))
        table.add_row(escape(ascii(sign)), str(seconds[-1]))
    Console().print(table)
    return max(seconds)


def show_examples() -> None:
    """Print what the model reads of each example."""
    table = Table("kind", "sent", "the model reads")
    for kind, examples in EXAMPLES.items():
        for sent in examples:
            table.add_row(kind, *(escape(ascii(text)[1:-1][:60]) for text in (sent, clean(sent))))
        table.add_section()
    Console(width=TABLE_WIDTH).print(table)


class MentionFinder:
    """Finds the mentions of texts, and reads texts that are equal after cleaning only once."""

    def __init__(self) -> None:
        self._nlp = load_model(configuration.MODEL)
        self._found: dict[str, Mentions] = {}

    def find(self, texts: list[str]) -> list[Mentions]:
        """Return the mentions of each text."""
        cleaned = [clean(text) for text in texts]
        new = dict(zip(cleaned, texts, strict=True))
        posts = [accepted(text) for key, text in new.items() if key not in self._found]
        keys = [key for key in new if key not in self._found]
        for key, post in zip(
            keys, extract_entities(posts, self._nlp, labels=configuration.LABELS), strict=True
        ):
            self._found[key] = Counter()
            for entity in post.entities:
                self._found[key][family(entity.label), entity.key] += entity.mentions
        return [self._found[key] for key in cleaned]


def main() -> int:
    """Measure each way, and print the table."""
    parser = runner.argument_parser("text_kinds", "Count the mentions that ways of writing cost.")
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--examples", action="store_true", help="only show what is cleaned")
    options = parser.parse_args()
    show_examples()
    if options.examples:
        return 0
    # The API strips them too.
    texts = [text.strip() for text in islice(articles(), options.articles)]
    finder = MentionFinder()
    plain = finder.find(texts)
    total = sum(map(Counter.total, plain))
    table = Table("way to write it", "mentions", "lost", "new")
    lost_in_all = 0
    for name, way in ways():
        found = finder.find([way(text) for text in texts])
        pairs = list(zip(plain, found, strict=True))
        lost = sum((before - after).total() for before, after in pairs)
        new = sum((after - before).total() for before, after in pairs)
        table.add_row(name, str(total - lost), str(lost), str(new))
        # A start is a text of its own, beside which the model may read the first words otherwise.
        lost_in_all += 0 if name.startswith("begins") else lost
    Console().print(table)
    figures = {"articles": len(texts), "mentions": total, "lost": lost_in_all}
    runner.print_figures({**figures, "slowest_seconds": slowest(finder)})
    return int(lost_in_all > 0)


if __name__ == "__main__":
    sys.exit(main())
