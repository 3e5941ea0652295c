"""Which entities a post mentions: spaCy's named entities, found in batches by a warm model."""

import json
import time
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ingest.core.entity_names import FAMILIES
from ingest.core.messages import AcceptedPost, Entity, PostEntities, cut
from ingest.nlp.cleaning import clean
from ingest.nlp.mentions import entities_of
from ingest.nlp.patterns import NO_PATTERNS, Patterns

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    from ingest.nlp.patterns import Ruler

# Entities are found by the "ner" pipe; the other pipes cost twice its time.
UNUSED_PIPES = ("tagger", "parser", "attribute_ruler", "lemmatizer", "senter")

# Posts that are worked on in one memory zone: fewer zones gain nothing more from here on.
BATCH_CHARACTERS = 48_000

# What the model works on at a time. A third more gains four hundredths of speed, and costs each
# child 5 MB.
PRODUCT_CHARACTERS = 4_500

# The part of its batch size that spaCy's parser of entities works on at a time.
SPACY_BATCH_PARTS = 4

# The tokenizer's own limit is an eighth of a model's vocabulary.
TOKENIZER_CACHE_SIZE = 200_000


def load_model(name: str) -> "Language":
    """
    Load a spaCy model, by package name or path, for finding entities only.

    spaCy is imported here, so that a process that extracts nothing never loads it. The matrix
    library is the faster of the two on this processor: BLIS does not know all of them.
    """
    import spacy
    from thinc.api import use_ops

    with use_ops("numpy", use_blis=_blis_is_faster()):
        nlp = spacy.load(name, exclude=list(UNUSED_PIPES))
    vectors: Any = nlp.get_pipe("tok2vec") if "tok2vec" in nlp.pipe_names else None
    if vectors and not vectors.listening_components:  # Explosion's models have another for names
        nlp.remove_pipe("tok2vec")
    return nlp


def load_plain_model(name: str) -> "Language":
    """Load a spaCy model as anybody would: what this module's entities are compared with."""
    import spacy

    return spacy.load(name)


def _blis_is_faster() -> bool:
    """Time one product of the model's own shape under both matrix libraries."""
    from thinc.api import NumpyOps

    def seconds(*, use_blis: bool) -> float:
        ops = NumpyOps(use_blis=use_blis)
        left, right = ops.alloc2f(900, 288), ops.alloc2f(288, 288)
        ops.gemm(left, right)  # the first call pays for the library's own start
        started = time.perf_counter()
        for _ in range(5):
            ops.gemm(left, right)
        return time.perf_counter() - started

    return seconds(use_blis=True) < seconds(use_blis=False)


def warm(nlp: "Language", texts: Iterable[str]) -> None:
    """
    Teach the tokenizer words outside any memory zone.

    What it learns inside a zone leaves with the zone. So it learns the words that the model itself
    was trained with, and texts. Only those in letters: the rest, numbers and addresses, come back
    too seldom for what they cost, which is tables of words that are twice as large.
    """
    cast(Any, nlp.tokenizer).max_cache_size = TOKENIZER_CACHE_SIZE
    words = sorted(filter(str.isalpha, nlp.vocab.strings))
    for start in range(0, len(words), 1000):
        nlp.make_doc(" ".join(words[start : start + 1000]))
    for _ in nlp.pipe(texts):
        pass


def read_meta(name: str) -> dict[str, Any]:
    """
    Return what a model says of itself, by package name or path, without loading it.

    Raises:
        OSError: it is not there.
    """
    package = None if Path(name).is_dir() or not name.isidentifier() else find_spec(name)
    folder = Path(package.origin).parent if package and package.origin else Path(name)
    meta: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
    return meta


def model_name(meta: Mapping[str, Any]) -> str:
    """Return the name and version that are kept with each post."""
    return f"{meta['lang']}_{meta['name']} {meta['version']}"


def extract_entities(
    posts: Sequence[AcceptedPost],
    nlp: "Language",
    *,
    labels: Collection[str],
    patterns: Patterns = NO_PATTERNS,
) -> list[PostEntities]:
    """
    Find the entities each post mentions, in the order of the posts.

    Args:
        posts: any number; they are worked on in batches of about 48,000 characters.
        nlp: the model, warm.
        labels: those that are counted, such as PERSON.
        patterns: an operator's own, which go before what the model finds.

    Raises:
        Exception: whatever one text makes spaCy raise; nothing is then known of the others.
    """
    name, version = model_name(nlp.meta), patterns.kept_as
    labels = {*labels, *(patterns.labels & FAMILIES)}
    ruler = patterns.ruler(nlp)
    return [
        PostEntities(**dict(post), model=name, patterns=version, entities=entities)
        for batch in cut(posts, characters=BATCH_CHARACTERS)
        for post, entities in zip(batch, _find(batch, nlp, labels, ruler), strict=True)
    ]


def find_entities(text: str, nlp: "Language", *, labels: Collection[str]) -> tuple[Entity, ...]:
    """Find the entities of one text by itself: what every faster way is compared with."""
    return _entities(nlp(clean(text)), labels)


def _find(
    posts: Sequence[AcceptedPost],
    nlp: "Language",
    labels: Collection[str],
    ruler: "Ruler | None",
) -> list[tuple[Entity, ...]]:
    """
    Run the model over one batch in a memory zone, so that its new words leave with it.

    An exception that leaves the zone would leave its words in the vocabulary, where the next
    batch reads freed memory (spaCy before 3.8.12): it is caught inside and raised after.
    """
    found: list[tuple[Entity, ...]] = []
    failure: BaseException | None = None
    with nlp.memory_zone():
        try:
            texts = [clean(post.content) for post in posts]
            for doc in nlp.pipe(texts, batch_size=_batch_size(texts)):
                found.append(_entities(ruler(doc) if ruler else doc, labels))
            del doc  # the last one must not outlive the zone
        except BaseException as raised:
            raised.add_note(traceback.format_exc())
            failure = raised.with_traceback(None)  # its frames would keep a doc alive
    if failure:
        raise failure
    return found


def _batch_size(texts: Sequence[str]) -> int:
    """Return the texts that spaCy is to take at a time, so that its products have a good size."""
    mean = sum(map(len, texts)) / len(texts)
    return SPACY_BATCH_PARTS * max(1, round(PRODUCT_CHARACTERS / max(1, mean)))


def _entities(doc: "Doc", labels: Collection[str]) -> tuple[Entity, ...]:
    """Return the entities of a doc as plain strings, since spaCy's leave with their zone."""
    return entities_of(((ent.label_, ent.text) for ent in doc.ents), labels=labels)
