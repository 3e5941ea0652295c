"""A model that embeds distinct tokens finds the same entities as the model as it is."""

import random
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
import spacy
from spacy.language import Language

from ingest import samples
from ingest.nlp import ner
from ingest.nlp.distinct_rows import embed_distinct_rows
from ingest.nlp.ner import load_model
from ingestsite.configuration import MODEL

TEXTS = 500
Found = list[tuple[str, str]]


def texts() -> Iterator[str]:
    """Yield texts of shuffled sentences, some empty; one word in thirty is new to the model."""
    dice = random.Random(1)
    sentences = [s for post in samples.read() for s in post["content"].split(". ")]
    for number in range(TEXTS):
        words = " ".join(dice.sample(sentences, number % 9)).split(" ")
        yield " ".join(word + "xq" if dice.random() < 1 / 30 else word for word in words)


def entities(nlp: Language) -> list[Found]:
    docs = nlp.pipe(texts(), batch_size=100)
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]


def layer_of(nlp: Language) -> str:
    """Return the name of the layer that embeds tokens."""
    recognizer: Any = nlp.get_pipe("ner")
    name: str = recognizer.model.get_ref("tok2vec").layers[0].layers[0].name
    return name


def test_the_entities_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = load_model(MODEL)
    monkeypatch.setattr(ner, "embed_distinct_rows", lambda _nlp: False)
    as_it_is = load_model(MODEL)
    assert layer_of(nlp) == "distinct_rows" != layer_of(as_it_is)
    expected = entities(as_it_is)
    assert sum(map(bool, expected)) > TEXTS / 2
    assert entities(nlp) == expected
    assert [doc.ents for doc in nlp.pipe(["", ""])] == [(), ()]


@pytest.mark.parametrize("pipes", [[], ["sentencizer"]])
def test_a_model_of_another_kind_stays_as_it_is(pipes: list[str]) -> None:
    nlp = spacy.blank("en")
    for pipe in pipes:
        nlp.add_pipe(pipe)
    assert not embed_distinct_rows(nlp)
    assert [doc.text for doc in nlp.pipe(["Oslo.", ""])] == ["Oslo.", ""]


def test_words_with_vectors_are_embedded_too() -> None:
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("Oslo", numpy.asarray([1.0, 2.0], dtype="f"))  # type: ignore[arg-type]
    recognizer: Any = nlp.add_pipe("ner", config={"model": WITH_VECTORS})
    recognizer.add_label("GPE")
    nlp.initialize()
    docs = [nlp.make_doc("Oslo or oslo, Oslo"), nlp.make_doc(""), nlp.make_doc("Bonn")]
    before = recognizer.model.get_ref("tok2vec").predict(docs)
    assert embed_distinct_rows(nlp)
    after = recognizer.model.get_ref("tok2vec").predict(docs)
    for one, other in zip(before, after, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


WITH_VECTORS = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 8,
    "maxout_pieces": 2,
    "use_upper": True,
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": 8,
            "rows": [50, 50],
            "attrs": ["NORM", "SHAPE"],
            "include_static_vectors": True,
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": 8,
            "window_size": 1,
            "maxout_pieces": 2,
            "depth": 1,
        },
    },
}
