"""Named entity recognition: a warm spaCy model finds the entities of posts in batches."""

import json
import time
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from ingest.core.entity_names import FAMILIES
from ingest.core.messages import AcceptedPost, Entity, PostEntities, cut
from ingest.nlp import kinds
from ingest.nlp.checked_models import checked, model_folder
from ingest.nlp.cleaning import clean
from ingest.nlp.evidence import CONTEXT_CHARACTERS, Mention
from ingest.nlp.lean_layers import remember_words, use_lean_layers
from ingest.nlp.mentions import entities_of
from ingest.nlp.patterns import NO_PATTERNS, PATTERN_ID, Patterns

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    from ingest.nlp.patterns import Ruler

# The "ner" pipe finds the entities. The other pipes cost twice its time.
UNUSED_PIPES = ("tagger", "parser", "attribute_ruler", "lemmatizer", "senter")

# The content of the posts in one memory zone. Larger zones gain nothing.
BATCH_CHARACTERS = 48_000

# The text in one matrix product of the model. Half of it takes a tenth more time, and saves each
# child 6 MB. More gains nothing.
PRODUCT_CHARACTERS = 9_000

# spaCy's entity recognizer splits its batch into this many parts.
SPACY_BATCH_PARTS = 4

# A text of 100,000 characters has about 19,000 tokens, and the model takes 40 us for each. Only
# tables of signs have more than this.
MAX_TOKENS = 25_000

# The language in which the text around a mention is evidence of its kind.
ENGLISH = "en"

# Entries. The tokenizer's own limit is an eighth of a model's vocabulary.
TOKENIZER_CACHE_SIZE = 200_000

# The tokenizer learns so many words of a model with vectors. 20,000 more take 0.3 s, and save a
# hundredth of the time of a post.
FREQUENT_WORDS = 30_000

# The words that the tokenizer learns at a time, and how many of the most frequent such parts have
# their embeddings remembered. These are three of four words of a batch, and take 4 MB in all.
LEARNED_WORDS = 1_000
REMEMBERED_PARTS = 10


def load_model(name: str) -> "Language":
    """
    Load a spaCy model, by package name or path, with the pipes for entities only.

    The function imports spaCy, so a process that extracts nothing never loads it. It picks the
    faster matrix library for this processor, since BLIS does not support all of them.
    """
    import spacy
    from thinc.api import use_ops

    needs_few = _needs_few_strings(read_meta(name))
    exclude = [*UNUSED_PIPES, *(["strings"] if needs_few else [])]
    with use_ops("numpy", use_blis=_blis_is_faster()), checked(name) as check:
        nlp = spacy.load(name, exclude=exclude)
        check(nlp)
    if needs_few:
        _add_frequent_words(nlp)
    vectors: Any = nlp.get_pipe("tok2vec") if "tok2vec" in nlp.pipe_names else None
    if vectors and not vectors.listening_components:  # in Explosion's models "ner" has its own
        nlp.remove_pipe("tok2vec")
    use_lean_layers(nlp)
    return nlp


def load_plain_model(name: str) -> "Language":
    """Load a spaCy model with all its pipes: the reference for the entities of this module."""
    import spacy

    with checked(name) as check:
        nlp = spacy.load(name)
        check(nlp)
    return nlp


def _needs_few_strings(meta: Mapping[str, Any]) -> bool:
    """Return whether a model has strings for vectors, and no pipe that may look up others."""
    used = set(meta["pipeline"]) - set(UNUSED_PIPES)
    return meta.get("vectors", {}).get("keys", 0) > 0 and used <= {"tok2vec", "ner"}


def _add_frequent_words(nlp: "Language") -> None:
    """
    Add the words that the tokenizer will learn to a model that was loaded without strings.

    spaCy adds every other word when a text has it. All 780,000 strings of the larger model take
    half a second. New words of texts then fall on every page of their table, so that each child
    had a copy of 40 MB.
    """
    from spacy.strings import hash_string  # type: ignore[attr-defined]  # not in its stubs

    frequent = set(_frequent_keys(nlp))
    for word in json.loads((nlp.path / "vocab" / "strings.json").read_bytes()):
        if word.isalpha() and hash_string(word) in frequent:
            nlp.vocab.strings.add(word)


def _blis_is_faster() -> bool:
    """Time one matrix product of the model's shape with both libraries."""
    from thinc.api import NumpyOps

    def seconds(*, use_blis: bool) -> float:
        ops = NumpyOps(use_blis=use_blis)
        left, right = ops.alloc2f(900, 288), ops.alloc2f(288, 288)
        ops.gemm(left, right)  # the first call starts the library
        started = time.perf_counter()
        for _ in range(5):
            ops.gemm(left, right)
        return time.perf_counter() - started

    return seconds(use_blis=True) < seconds(use_blis=False)


def warm(nlp: "Language", texts: Iterable[str]) -> None:
    """
    Learn words outside any memory zone, since a zone frees its words at its end.

    The words come from the model and from `texts`. Numbers and addresses would double the size of
    the tables and come back too seldom, so only words in letters count.
    """
    cast(Any, nlp.tokenizer).max_cache_size = TOKENIZER_CACHE_SIZE
    words = list(filter(str.isalpha, _frequent_words(nlp)))
    starts = range(0, len(words), LEARNED_WORDS)
    docs = [nlp.make_doc(" ".join(words[start : start + LEARNED_WORDS])) for start in starts]
    remember_words(nlp, [*docs[:REMEMBERED_PARTS], *nlp.pipe(texts)])


def _frequent_words(nlp: "Language") -> Iterator[str]:
    """Yield the most frequent words of a model with vectors, else its whole vocabulary."""
    strings: Any = nlp.vocab.strings
    keys = list(_frequent_keys(nlp))
    return (strings[key] for key in keys if key in strings) if keys else iter(strings)


def _frequent_keys(nlp: "Language") -> Iterator[int]:
    """Yield the keys of the most frequent words of a model with vectors; others have none."""
    # The larger model knows 690,000 words, which would take 16 s. Its vectors are in the order of
    # their words' frequency.
    rows: Any = nlp.vocab.vectors.key2row
    return islice(rows, FREQUENT_WORDS)


def read_meta(name: str) -> dict[str, Any]:
    """
    Return a model's meta.json, by package name or path, without loading the model.

    Raises:
        OSError: the model is not installed.
    """
    meta: dict[str, Any] = json.loads((model_folder(name) / "meta.json").read_text("utf-8"))
    return meta


def model_name(meta: Mapping[str, Any]) -> str:
    """Return the name and version that the store saves with each post, and that of its kinds."""
    name = f"{meta['lang']}_{meta['name']} {meta['version']}"
    return f"{name}, kinds {kinds.VERSION}" if meta["lang"] == ENGLISH else name


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
        posts: any number; the model gets them in batches of about BATCH_CHARACTERS.
        nlp: the model, warm.
        labels: the labels that count, such as PERSON.
        patterns: the operator's own; they take precedence over the model's entities.

    Raises:
        Exception: any that one text makes spaCy raise; no post has entities then.
    """
    name, version = model_name(nlp.meta), patterns.version_if_any
    labels = {*labels, *(patterns.labels & FAMILIES)}
    ruler = patterns.ruler(nlp)
    return [
        PostEntities(**dict(post), model=name, patterns=version, entities=entities)
        for batch in cut(posts, characters=BATCH_CHARACTERS)
        for post, entities in zip(batch, _find(batch, nlp, labels, ruler), strict=True)
    ]


def find_entities(text: str, nlp: "Language", *, labels: Collection[str]) -> tuple[Entity, ...]:
    """Find the entities of a single text: the reference for the batched way."""
    cleaned = clean(text)
    return _entities(nlp(_cut(nlp.make_doc(cleaned))), cleaned, labels)


def _find(
    posts: Sequence[AcceptedPost],
    nlp: "Language",
    labels: Collection[str],
    ruler: "Ruler | None",
) -> list[tuple[Entity, ...]]:
    """
    Run the model over one batch in a memory zone, which frees the batch's new words.

    In spaCy before 3.8.12, an exception that leaves the zone leaves its words in the vocabulary.
    The next batch then reads freed memory. So this catches inside and raises after the zone.
    """
    found: list[tuple[Entity, ...]] = []
    failure: BaseException | None = None
    with nlp.memory_zone():
        try:
            texts = [clean(post.content) for post in posts]
            docs = (_cut(nlp.make_doc(text)) for text in texts)
            for doc, text in zip(nlp.pipe(docs, batch_size=_batch_size(texts)), texts, strict=True):
                found.append(_entities(ruler(doc) if ruler else doc, text, labels))
            del doc  # the last one must not outlive the zone
        except BaseException as raised:
            raised.add_note(traceback.format_exc())
            failure = raised.with_traceback(None)  # its frames would keep a doc alive
    if failure:
        raise failure
    return found


def _cut(doc: "Doc") -> "Doc":
    """Leave out what comes after the first MAX_TOKENS, so that no post takes a child for long."""
    return doc if len(doc) <= MAX_TOKENS else doc[:MAX_TOKENS].as_doc()


def _batch_size(texts: Sequence[str]) -> int:
    """Return how many texts spaCy takes at a time, for products of PRODUCT_CHARACTERS."""
    mean = sum(map(len, texts)) / len(texts)
    return SPACY_BATCH_PARTS * max(1, round(PRODUCT_CHARACTERS / max(1, mean)))


def _entities(doc: "Doc", text: str, labels: Collection[str]) -> tuple[Entity, ...]:
    """Return the entities of a doc as plain strings, since the zone frees spaCy's own."""
    return entities_of(mentions_of(doc, text), labels=labels, with_evidence=doc.lang_ == ENGLISH)


def mentions_of(doc: "Doc", text: str = "") -> Iterator[Mention]:
    """
    Yield what the model and the patterns found, with the text around it.

    Args:
        doc: a doc with entities.
        text: the doc's, if it is at hand: spaCy has to join it from the tokens.
    """
    text = text or doc.text
    for ent in doc.ents:
        start, end = ent.start_char, ent.end_char
        before = text[max(0, start - CONTEXT_CHARACTERS) : start]
        after = text[end : end + CONTEXT_CHARACTERS]
        yield Mention(ent.label_, text[start:end], before, after, ent.ent_id_ == PATTERN_ID)
