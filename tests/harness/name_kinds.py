"""
How well names are counted: F by name and kind, and what the defaults change in each publication.

`ner_quality` prints these tables: the small and the larger model, the model's own kinds and ours.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from ingest.core.aliases import Rules
from ingest.core.counts import Counts, EntityName, count_posts, name_of
from ingest.core.default_names import defaults_of
from ingest.core.messages import AcceptedPost, Entity, PostEntities
from ingest.nlp.cleaning import clean
from ingest.nlp.evidence import Mention
from ingest.nlp.mentions import entities_of
from ingest.nlp.ner import mentions_of

TOP_NAMES = 20
TABLE_CHARACTERS = 120
# NORP is not annotated. A place of the annotated texts is a LOC.
LABELS = ("PERSON", "ORG", "GPE", "LOC", "FAC")


class Figures(NamedTuple):
    """Scores of a model in percent: the model's own kinds, ours, and the spans alone."""

    own_kinds: float
    our_kinds: float
    spans: float


def tally(entities: Iterable[Entity]) -> Counter[EntityName]:
    """Return the mentions by family and key."""
    counts: Counter[EntityName] = Counter()
    for entity in entities:
        counts[name_of(entity)] += entity.mentions
    return counts


def f_of_counts(pairs: Iterable[tuple[Counter[Any], Counter[Any]]]) -> float:
    """Return the harmonic mean of precision and recall, in percent, of (gold, counted) pairs."""
    right = wanted = made = 0
    for gold, counted in pairs:
        right += (gold & counted).total()
        wanted += gold.total()
        made += counted.total()
    return round(200 * right / (wanted + made), 1)


def score(nlp: Any, lines: Sequence[dict[str, Any]]) -> Figures:
    """Return the scores of a model on annotated texts."""
    docs = list(nlp.pipe(line["text"] for line in lines))
    gold = [list(_gold(line)) for line in lines]
    golden = [tally(entities_of(g, labels=LABELS, with_evidence=False)) for g in gold]
    found = [list(mentions_of(doc)) for doc in docs]

    def against(*, with_evidence: bool) -> float:
        own = (entities_of(f, labels=LABELS, with_evidence=with_evidence) for f in found)
        return f_of_counts(zip(golden, map(tally, own), strict=True))

    spans = ((_keys(g), _keys(f)) for g, f in zip(golden, map(_counted, found), strict=True))
    return Figures(against(with_evidence=False), against(with_evidence=True), f_of_counts(spans))


def _gold(line: dict[str, Any]) -> Iterator[Mention]:
    for ent in line["ents"]:
        label = "GPE" if ent["label"] == "LOC" else ent["label"]
        yield Mention(label, line["text"][ent["start"] : ent["end"]])


def _counted(found: Iterable[Mention]) -> Counter[EntityName]:
    return tally(entities_of(found, labels=LABELS))


def _keys(counts: Counter[EntityName]) -> Counter[str]:
    keys: Counter[str] = Counter()
    for (_, key), mentions in counts.items():
        keys[key] += mentions
    return keys


def before_and_after(
    posts: Sequence[AcceptedPost], nlp: Any, labels: Iterable[str]
) -> tuple[list[PostEntities], list[PostEntities]]:
    """Return posts as the model alone counts them, and with our kinds and the default names."""
    rules = Rules(defaults=defaults_of({}))
    labels = frozenset(labels)
    before, after = [], []
    for post, doc in zip(posts, nlp.pipe(clean(p.content) for p in posts), strict=True):
        found = list(mentions_of(doc))
        own, ours = (
            entities_of(found, labels=labels, with_evidence=with_evidence)
            for with_evidence in (False, True)
        )
        fields = dict(post)
        before.append(PostEntities(**fields, model="", entities=own))
        after.append(rules.apply(PostEntities(**fields, model="", entities=ours)))
    return before, after


def by_publication(posts: Iterable[PostEntities]) -> dict[str, Counts]:
    """Count posts by the name of their publication."""
    groups: dict[str, list[PostEntities]] = defaultdict(list)
    for post in posts:
        groups[post.publication].append(post)
    return {name: count_posts(own) for name, own in groups.items()}


def top(counts: Counts) -> list[EntityName]:
    """Return the most mentioned names."""
    names = sorted(counts.entities, key=lambda n: (-counts.entities[n].mentions, n))
    return names[:TOP_NAMES]


def share_under_several_families(counts: Iterable[Counts]) -> float:
    """Return the share of names that stand under several families of a publication."""
    families: Counter[tuple[int, str]] = Counter()
    for number, own in enumerate(counts):
        families.update((number, key) for _, key in own.entities)
    return round(sum(count > 1 for count in families.values()) / max(1, len(families)), 4)


def show_top(publication: str, before: Counts, after: Counts) -> None:
    """Print the first names of a publication, and mark those that were not there before."""
    table = Table("", "before", "kind", "mentions", "after", "kind", "mentions", "new")
    table.title = publication
    known = set(before.entities)
    pairs = zip(top(before), top(after), strict=False)
    for place, (old, new) in enumerate(pairs, start=1):
        b, a = before.entities[old], after.entities[new]
        changed = new not in known or before.entities[new].mentions != a.mentions
        cells = (b.text, b.label, str(b.mentions), a.text, a.label, str(a.mentions))
        table.add_row(str(place), *cells, "*" if changed else "")
    Console(width=TABLE_CHARACTERS).print(table)
