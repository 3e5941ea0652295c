"""Which entities a post mentions: spaCy's named entities, found in batches by a warm model."""

import gc
import re
import time
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from ingest.messages import AcceptedPost, Entity, PostEntities, cut
from ingest.names import entity_key, entity_text

if TYPE_CHECKING:
    from spacy.language import Language

# Entities are found by the "ner" pipe with its own tok2vec; the other pipes cost twice its time.
UNUSED_PIPES = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer", "senter")

# Where the matrix products stop to gain from a larger batch, and its memory is still small.
BATCH_CHARACTERS = 32_000

# The tokenizer's time grows with the square of a run without white space.
LONGEST_RUN = 100  # characters
# The tokenizer's own limit is an eighth of a model's vocabulary.
CACHED_WORDS = 200_000

_RUN = re.compile(rf"\S{{{LONGEST_RUN}}}(?=\S)")


def load_model(name: str) -> "Language":
    """
    Load a spaCy model, by package name or path, for finding entities only.

    spaCy is imported here, so that a process that extracts nothing never loads it. The matrix
    library is the faster of the two on this processor: BLIS does not know all of them.
    """
    import spacy
    from thinc.api import use_ops

    with use_ops("numpy", use_blis=_blis_is_faster()):
        return spacy.load(name, exclude=list(UNUSED_PIPES))


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
    Teach the tokenizer words outside any memory zone, and freeze the heap for the forks to come.

    What it learns inside a zone leaves with the zone. So it learns the words that the model itself
    was trained with, and texts. A child that is forked from a warm parent shares its pages, and is
    warm at once.
    """
    cast(Any, nlp.tokenizer).max_cache_size = CACHED_WORDS
    words = sorted(filter(_is_one_word, nlp.vocab.strings))
    for start in range(0, len(words), 1000):
        nlp.make_doc(" ".join(words[start : start + 1000]))
    for _ in nlp.pipe(texts):
        pass
    gc.collect()
    gc.freeze()


def _is_one_word(text: str) -> bool:
    return text.isprintable() and " " not in text


def model_name(nlp: "Language") -> str:
    """Return the name and version that are kept with each post."""
    return f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}"


def extract_entities(
    posts: Sequence[AcceptedPost], nlp: "Language", *, skip: Collection[str]
) -> list[PostEntities]:
    """
    Find the entities each post mentions, in the order of the posts.

    Args:
        posts: any number; they are worked on in batches of about 32,000 characters.
        nlp: the model, warm.
        skip: labels that are not kept, such as CARDINAL.

    Raises:
        Exception: whatever one text makes spaCy raise; nothing is then known of the others.
    """
    name = model_name(nlp)
    return [
        PostEntities(**dict(post), model=name, entities=entities)
        for batch in cut(posts, characters=BATCH_CHARACTERS)
        for post, entities in zip(batch, _find([p.content for p in batch], nlp, skip), strict=True)
    ]


def _find(texts: Sequence[str], nlp: "Language", skip: Collection[str]) -> list[tuple[Entity, ...]]:
    """
    Run the model over one batch in a memory zone, so that its new words leave with it.

    An exception that leaves the zone would leave its words in the vocabulary, where the next
    batch reads freed memory (spaCy before 3.8.12): it is caught inside and raised after.
    """
    found: list[tuple[Entity, ...]] = []
    failure: BaseException | None = None
    with nlp.memory_zone():
        try:
            for doc in nlp.pipe(map(break_runs, texts), batch_size=len(texts)):
                found.append(_entities(((e.label_, e.text) for e in doc.ents), skip))
            del doc  # the last one must not outlive the zone
        except BaseException as raised:
            raised.add_note(traceback.format_exc())
            failure = raised.with_traceback(None)  # its frames would keep a doc alive
    if failure:
        raise failure
    return found


def break_runs(text: str) -> str:
    """Put a space into every run without white space that would hold the tokenizer up."""
    return _RUN.sub(r"\g<0> ", text)


def _entities(ents: Iterable[tuple[str, str]], skip: Collection[str]) -> tuple[Entity, ...]:
    """Count one post's (label, text) pairs, as plain strings, since spaCy's leave with the zone."""
    mentions = Counter((label, entity_text(text)) for label, text in ents if label not in skip)
    return tuple(
        Entity(entity_key(text), label, text, count)
        for (label, text), count in mentions.items()
        if text
    )
