"""Finding the entities of posts."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ingest import samples
from ingest.core.messages import Entity
from ingest.nlp import ner
from ingest.nlp.cleaning import clean
from ingest.nlp.kinds import VERSION
from ingest.nlp.ner import (
    extract_entities,
    find_entities,
    load_model,
    load_plain_model,
    model_name,
    read_meta,
    warm,
)
from ingestsite.configuration import LABELS, MODEL
from tests.harness.text_kinds import ways
from tests.support.factories import accepted


@pytest.fixture
def ruled() -> Language:
    """Return a blank pipeline that knows two names: quick, and a real spaCy pipeline."""
    nlp = spacy.blank("en")
    nlp.meta["name"] = "ruled"
    ruler = nlp.add_pipe("entity_ruler")
    patterns = [
        {"label": "PERSON", "pattern": [{"LOWER": "obama"}]},
        {"label": "GPE", "pattern": "New\nYork"},
        {"label": "DATE", "pattern": "Tuesday"},
        {"label": "ORG", "pattern": " "},
    ]
    ruler.add_patterns(patterns)  # type: ignore[attr-defined]
    return nlp


@pytest.fixture(scope="module")
def model() -> Iterator[Language]:
    """Return the model that workers use, loaded as they load it."""
    return load_model(MODEL)  # type: ignore[return-value]


def test_entities_are_found_in_the_order_of_the_posts(ruled: Language) -> None:
    posts = [accepted("Obama met OBAMA and Obama in New\nYork."), accepted("Nobody.")]
    first, second = extract_entities(posts, ruled, labels=LABELS)
    assert first.entities == (
        Entity("obama", "PERSON", "Obama", 2),
        Entity("obama", "PERSON", "OBAMA", 1),
        Entity("new york", "GPE", "New York", 1),
    )
    assert second.entities == ()
    assert (first.post_id, first.content) == (posts[0].post_id, posts[0].content)


def test_labels_that_are_not_chosen_are_not_counted(ruled: Language) -> None:
    (post,) = extract_entities([accepted("Obama came on Tuesday.")], ruled, labels={"PERSON"})
    assert [entity.label for entity in post.entities] == ["PERSON"]


def test_no_posts_have_no_entities(ruled: Language) -> None:
    assert extract_entities([], ruled, labels=LABELS) == []


def test_the_entities_are_the_model_s_own(model: Language) -> None:
    """Compare 50 posts with the whole model, run on one text at a time."""
    posts = [accepted(post["content"]) for post in samples.read()][:50]
    plain = load_plain_model(MODEL)
    found = extract_entities(posts, model, labels=LABELS)
    assert [post.entities for post in found] == [
        find_entities(post.content, plain, labels=LABELS) for post in posts
    ]


@pytest.mark.parametrize("name", [name for name, _ in ways() if not name.startswith("begins")])
def test_no_way_to_write_a_text_costs_a_mention(model: Language, name: str) -> None:
    way = dict(ways())[name]
    for text in (" ".join(post["content"].split()) for post in samples.read()):
        if clean(way(text)) != clean(text):
            assert not mentions(model, text) - mentions(model, way(text))


def mentions(model: Language, text: str) -> Counter[str]:
    entities = find_entities(text, model, labels=LABELS)
    return Counter({entity.key: entity.mentions for entity in entities})


def test_a_text_of_more_tokens_than_prose_has_is_cut(
    model: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ner, "MAX_TOKENS", 10)
    text = "Angela Merkel came. " + "oh my " * 10 + "Barack Obama came."
    (post,) = extract_entities([accepted(text)], model, labels=LABELS)
    assert [entity.key for entity in post.entities] == ["angela merkel"]
    assert find_entities(text, model, labels=LABELS) == post.entities


def test_the_model_s_name_and_version_are_kept_with_a_post(model: Language) -> None:
    (post,) = extract_entities([accepted("Oslo.")], model, labels=LABELS)
    assert post.model == model_name(model.meta) == f"en_core_web_md 3.7.1, kinds {VERSION}"
    assert post.model == model_name(read_meta(MODEL))


def test_a_worker_starts_with_the_frequent_words_only(model: Language) -> None:
    """All words of the larger model would take 16 seconds, and their strings 640 MB of children."""
    plain = load_plain_model(MODEL)
    strings, rows = plain.vocab.strings, plain.vocab.vectors.key2row
    frequent = [strings[key] for key in islice(rows, ner.FREQUENT_WORDS)]
    assert len(frequent) < len(rows)
    assert list(ner._frequent_words(plain)) == frequent
    expected = list(filter(str.isalpha, frequent))
    assert list(filter(str.isalpha, ner._frequent_words(model))) == expected
    assert {"the", "government", "Australia"} <= set(expected)
    assert len(model.vocab.strings) < len(strings) / 5


@pytest.mark.parametrize(
    ("keys", "pipes", "few"),
    [
        (3, ["tok2vec", "tagger", "ner"], True),
        (0, ["tok2vec", "ner"], False),  # its words are in its strings only
        (-1, ["tok2vec", "ner"], False),  # vectors of parts of words
        (3, ["ner", "entity_linker"], False),  # it looks up names of its own
    ],
)
def test_only_a_model_that_needs_few_strings_is_loaded_without_them(
    keys: int, pipes: list[str], few: bool
) -> None:
    assert ner._needs_few_strings({"pipeline": pipes, "vectors": {"keys": keys}}) == few


def test_new_words_leave_with_their_batch(model: Language) -> None:
    warm(model, ["A first text."])
    before = len(model.vocab.strings)
    extract_entities([accepted("Zzyzx qwfpgj arstneio of Blorptown.")], model, labels=LABELS)
    assert len(model.vocab.strings) == before


def test_an_exception_leaves_the_next_batch_whole(model: Language) -> None:
    """A text that raises inside the memory zone must not leave the zone's words behind."""

    def burst(doc: Doc) -> Doc:
        if "burst" in doc.text:
            raise ValueError("burst")
        return doc

    Language.component("burst", func=burst)
    model.add_pipe("burst", first=True)
    try:
        posts = [accepted("Blixtown grew."), accepted("A burst in Flarmville.")]
        with pytest.raises(ValueError, match="burst") as failure:
            extract_entities(posts, model, labels=LABELS)
        assert "def burst" in failure.value.__notes__[0] or "in burst" in failure.value.__notes__[0]
        for _ in range(3):
            (post,) = extract_entities([accepted("Blixtown and Oslo grew.")], model, labels=LABELS)
            assert "oslo" in {entity.key for entity in post.entities}
    finally:
        model.remove_pipe("burst")
