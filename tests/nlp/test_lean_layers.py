"""A model with lean layers finds the same entities as the model as it is."""

import random
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ingest import samples
from ingest.nlp import ner
from ingest.nlp.lean_layers import remember_words, use_lean_layers
from ingest.nlp.ner import load_model, warm
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
    monkeypatch.setattr(ner, "use_lean_layers", lambda _nlp: False)
    as_it_is = load_model(MODEL)
    assert layer_of(nlp) == "distinct_rows" != layer_of(as_it_is)
    expected = entities(as_it_is)
    assert sum(map(bool, expected)) > TEXTS / 2
    assert entities(nlp) == expected
    warm(nlp, (post["content"] for post in samples.read()))
    assert entities(nlp) == expected  # with words whose embedding is remembered, and others
    assert [doc.ents for doc in nlp.pipe(["", ""])] == [(), ()]


@pytest.mark.parametrize("pipes", [[], ["sentencizer"]])
def test_a_model_of_another_kind_stays_as_it_is(pipes: list[str]) -> None:
    nlp = spacy.blank("en")
    for pipe in pipes:
        nlp.add_pipe(pipe)
    assert not use_lean_layers(nlp)
    assert [doc.text for doc in nlp.pipe(["Oslo.", ""])] == ["Oslo.", ""]


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_layers_give_the_values_of_those_that_they_replace(window: int, depth: int) -> None:
    nlp, tok2vec = recognizer_of(window=window, depth=depth)
    docs = [nlp.make_doc("Oslo or oslo, Oslo"), nlp.make_doc(""), nlp.make_doc("Bonn")]
    expected = tok2vec.predict(docs)
    assert use_lean_layers(nlp)
    assert [layer.name for layer in tok2vec.layers[0].layers] == ["distinct_rows", "lean_windows"]
    assert_equal(tok2vec.predict(docs), expected)


def test_a_remembered_word_is_one_with_the_same_norm() -> None:
    nlp, tok2vec = recognizer_of()
    words = ["Bonn", "Oslo", "oslo"]
    docs = [nlp.make_doc(" ".join(words))]
    other = Doc(nlp.vocab, words)
    other[1].norm_ = "capital"
    expected, expected_of_other = tok2vec.predict(docs), tok2vec.predict([other])
    assert not numpy.allclose(expected[0][1], expected_of_other[0][1])
    use_lean_layers(nlp)
    remember_words(nlp, docs)
    assert_equal(tok2vec.predict(docs), expected)
    assert_equal(tok2vec.predict([other]), expected_of_other)


def test_the_layers_refuse_to_be_trained() -> None:
    nlp, tok2vec = recognizer_of()
    use_lean_layers(nlp)
    _, backprop = tok2vec.begin_update([nlp.make_doc("Oslo")])
    with pytest.raises(NotImplementedError, match="To train this model"):
        backprop(tok2vec.predict([nlp.make_doc("Oslo")]))


def assert_equal(some: Any, expected: Any) -> None:
    for one, other in zip(some, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def recognizer_of(*, window: int = 1, depth: int = 1) -> tuple[Language, Any]:
    """Return a model with vectors and an entity recognizer, and the layers of its tokens."""
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("Oslo", numpy.asarray([1.0, 2.0], dtype="f"))  # type: ignore[arg-type]
    encode = {**WITH_VECTORS["tok2vec"]["encode"], "window_size": window, "depth": depth}
    tok2vec = {**WITH_VECTORS["tok2vec"], "encode": encode}
    recognizer: Any = nlp.add_pipe("ner", config={"model": {**WITH_VECTORS, "tok2vec": tok2vec}})
    recognizer.add_label("GPE")
    nlp.initialize()
    return nlp, recognizer.model.get_ref("tok2vec")


WITH_VECTORS: Any = {
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
