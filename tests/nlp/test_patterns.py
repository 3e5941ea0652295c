"""The entities that an operator's own patterns make of a text."""

import json
from typing import Any

import pytest
import spacy
from spacy.language import Language

from ingest.core.messages import Entity
from ingest.nlp.ner import extract_entities
from ingest.nlp.patterns import (
    NO_PATTERNS,
    NOT_A_LIST,
    Patterns,
    SpacyPattern,
    read_pattern,
    try_pattern,
)
from ingestsite.configuration import LABELS
from tests.support.factories import accepted

BAHN = SpacyPattern("ORG", [{"LOWER": "deutsche"}, {"LOWER": "bahn"}])


@pytest.fixture(scope="module")
def nlp() -> Language:
    """Return a model that finds the same in every text: quick, and a real spaCy pipeline."""
    nlp = spacy.blank("en")
    names = [("GPE", "Bahn"), ("PERSON", "Amazon River"), ("PERSON", "Obama")]
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": label, "pattern": text} for label, text in names])
    return nlp


def found(nlp: Language, text: str, *patterns: SpacyPattern) -> list[tuple[str, str]]:
    version = Patterns(3, patterns) if patterns else NO_PATTERNS
    (post,) = extract_entities([accepted(text)], nlp, labels=LABELS, patterns=version)
    assert post.patterns == version.version_if_any
    return [(entity.label, entity.text) for entity in post.entities]


def test_a_pattern_goes_before_what_the_model_finds(nlp: Language) -> None:
    text = "Obama took the Deutsche Bahn."
    assert found(nlp, text) == [("PERSON", "Obama"), ("GPE", "Bahn")]
    assert found(nlp, text, BAHN) == [("PERSON", "Obama"), ("ORG", "Deutsche Bahn")]
    amazon = SpacyPattern("ORG", "Amazon")
    assert found(nlp, "The Amazon River.", amazon) == [("ORG", "Amazon")]


def test_of_two_matches_the_longer_one_holds(nlp: Language) -> None:
    patterns = [SpacyPattern("ORG", "Amazon"), SpacyPattern("LOC", "Amazon River")]
    assert found(nlp, "Amazon left the Amazon River.", *patterns) == [
        ("ORG", "Amazon"),
        ("LOC", "Amazon River"),
    ]


def test_a_family_may_be_the_label(nlp: Language) -> None:
    assert found(nlp, "Oslo grew.", SpacyPattern("PLACE", "Oslo")) == [("PLACE", "Oslo")]


def test_new_patterns_take_the_place_of_the_old_ones(nlp: Language) -> None:
    (some, other) = (Patterns(n, [SpacyPattern("ORG", name)]) for n, name in ((1, "Ab"), (2, "Cd")))
    assert some.ruler(nlp) is some.ruler(nlp) is not other.ruler(nlp)
    (post,) = extract_entities([accepted("Ab Cd")], nlp, labels=LABELS, patterns=other)
    assert post.entities == (Entity("cd", "ORG", "Cd", 1),)
    words = len(nlp.vocab.strings)
    for version in range(3, 6):
        Patterns(version, [SpacyPattern("ORG", "Ab")]).ruler(nlp)
    assert len(nlp.vocab.strings) == words


def test_without_patterns_there_is_no_ruler(nlp: Language) -> None:
    assert NO_PATTERNS.ruler(nlp) is None
    assert Patterns(4).version_if_any is None


def test_a_phrase_is_cleaned_as_texts_are() -> None:
    assert read_pattern("  O\u2019Neill  &amp; Sons\n") == "O'Neill & Sons"
    assert read_pattern(' [{"LOWER": "a"}]') == [{"LOWER": "a"}]


@pytest.mark.parametrize("text", ["[", "[]", '["a"]', "[1, 2]", '[{"LOWER": "a"}, null]'])
def test_text_that_looks_like_a_list_must_be_one(text: str) -> None:
    with pytest.raises(ValueError, match=NOT_A_LIST[:20]):
        read_pattern(text)


@pytest.mark.parametrize(
    ("tokens", "problem"),
    [
        ([{"LOWR": "a"}], "[pattern -> 0 -> LOWR]"),
        ([{"TEXT": {"REGEX": "("}}], "unterminated subpattern"),
        ([{"LEMMA": "be"}], "do not compute them"),
        ([{"_": {"own": True}}], "E046"),
        ([{}], "Matches 100% of all words."),
        ([{"LOWER": {"IN": ["a", "b"]}}, {"ENT_TYPE": "ORG", "OP": "?"}], ""),
    ],
)
def test_spacy_checks_a_pattern(tokens: list[dict[str, Any]], problem: str) -> None:
    said = try_pattern(SpacyPattern("ORG", tokens))
    assert problem in said if problem else not said


def test_a_pattern_survives_json() -> None:
    assert SpacyPattern(**json.loads(json.dumps(BAHN._asdict()))) == BAHN
