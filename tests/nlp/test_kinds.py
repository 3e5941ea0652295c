"""The kind of each name in a post."""

import random

import pytest
import spacy

from ingest.core.counts import name_of
from ingest.nlp.evidence import Mention
from ingest.nlp.mentions import entities_of
from ingest.nlp.ner import extract_entities, mentions_of
from ingest.nlp.patterns import Patterns, SpacyPattern
from ingestsite.configuration import LABELS
from tests.support.factories import accepted
from tests.support.marked_texts import read

# What a model may say of a text, and the families that the names belong to.
KINDS = [
    ("a country", "Team {ORG:Kenya} won.", {"kenya": "PLACE"}),
    ("a short form of a country", "The {ORG:USA} won.", {"usa": "PLACE"}),
    ("a capital", "{PERSON:Bratislava} voted.", {"bratislava": "PLACE"}),
    ("a country that is a first name", "{PERSON:Chad} laughed.", {"chad": "PERSON"}),
    ("in", "Fighting went on in {PERSON:Orvel Dar}.", {"orvel dar": "PLACE"}),
    ("the town of", "He lives in the town of {ORG:Orvel}.", {"orvel": "PLACE"}),
    ("the article", "The {PERSON:Orvel} had frozen.", {"orvel": "PLACE"}),
    ("a person's government", "The {PERSON:Orvel} government fell.", {"orvel": "PERSON"}),
    ("a title", "They asked Lord {GPE:Orvel}.", {"orvel": "PERSON"}),
    ("a title in the name", "They asked {ORG:Dr. Orvel}.", {"orvel": "PERSON"}),
    ("a first name", "A book by {ORG:Virginie Orvel}.", {"virginie orvel": "PERSON"}),
    ("a first name of a hill", "{PERSON:Robert Hill} ran.", {"robert hill": "PERSON"}),
    ("a deed", "{ORG:Orvel} met his wife.", {"orvel": "GROUP"}),
    ("a surname's deed", "{ORG:Meyer} said so.", {"meyer": "PERSON"}),
    ("an article before a surname", "The {ORG:Church} said so.", {"church": "GROUP"}),
    ("capitals of a headline", "{PERSON:ORVEL} WINS AGAIN", {"orvel": "PERSON"}),
    (
        "a city in a name",
        "{PERSON:Anna Berlin} sat. {GPE:Berlin} said so.",
        {"anna berlin": "PERSON"},
    ),
    (
        "a city beside a name",
        "{PERSON:Anna Berlin} left {GPE:Berlin} now.",
        {"anna berlin": "PERSON", "berlin": "PLACE"},
    ),
    ("an event", "It rains during the {PERSON:Orvel}.", {"orvel": "WORK"}),
    ("an event of a year", "It rained at the 1991 {PERSON:Orvel}.", {"orvel": "WORK"}),
    ("an event's noun", "Most {PERSON:Orvel} celebrations fell flat.", {"orvel": "WORK"}),
    (
        "an event that a mention shows",
        "The {PERSON:Orvel} began. It rains during the {PERSON:Orvel}. The annual {PERSON:Orvel}.",
        {"orvel": "WORK"},
    ),
    ("in a person's things", "Two died in {PERSON:Orvel} riots.", {"orvel": "PERSON"}),
    ("a ship", "They boarded the ferry {PERSON:Orvel} at dawn.", {"orvel": "WORK"}),
    ("aboard", "They slept aboard the {GPE:Orvel}.", {"orvel": "WORK"}),
    ("aboard a firm's ship", "They slept aboard the {ORG:Orvel} ship.", {"orvel": "GROUP"}),
    ("what it is", "{ORG:Orvel}, a small village in Dar, voted.", {"orvel": "PLACE"}),
    ("what it was", "{PERSON:Orvel} was the first airline of Dar.", {"orvel": "GROUP"}),
    ("what it is not", "{ORG:Orvel}, a city lawyer in Dar, sat.", {"orvel": "PERSON"}),
    ("a group", "He left the group called the {GPE:Orvel}.", {"orvel": "GROUP"}),
    ("an acronym", "{PERSON:KCZA} reported it.", {"kcza": "GROUP"}),
    ("an organisation's noun", "{GPE:Orvel Port Company} fell.", {"orvel port company": "GROUP"}),
    ("a place's noun", "Near {ORG:Orvel Park}.", {"orvel park": "PLACE"}),
    ("a fuller form", "{PERSON:Anna Orvel} came. {ORG:Orvel} sat.", {"anna orvel": "PERSON"}),
    (
        "a fuller form of a firm",
        "{PERSON:Orvel} fell. {ORG:Orvel Lines} rose.",
        {"orvel": "GROUP", "orvel lines": "GROUP"},
    ),
    (
        "what nothing speaks against",
        "{ORG:Boeing} said so. {GPE:Oslo} voted.",
        {"boeing": "GROUP", "oslo": "PLACE"},
    ),
]
IDS = [case[0] for case in KINDS]


def families(marked: str) -> dict[str, str]:
    found = entities_of(mentions_of(read(marked)), labels=LABELS)
    return {entity.key: name_of(entity)[0] for entity in found}


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in KINDS], ids=IDS)
def test_a_name_has_the_kind_that_the_text_gives_it(text: str, expected: dict[str, str]) -> None:
    assert families(text) == expected


def test_evidence_of_some_mentions_holds_for_all_mentions_of_the_post() -> None:
    text = "{PERSON:Orvel} fell. They fled in {PERSON:Orvel} and hid in {PERSON:Orvel}."
    assert families(text) == {"orvel": "PLACE"}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("At {GPE:Orvel Dar Airport} and at {GPE:Orvel Dar Airport}.", "FAC"),
        ("At {ORG:Orvel Dar Airport}.", "FAC"),
        ("At {GPE:Orvel Springs}.", "GPE"),
        ("Aboard the ship {PERSON:Orvel}.", "PRODUCT"),
        ("It rains during the {PERSON:Orvel}.", "EVENT"),
        ("{PERSON:Orvel}, an island in Dar.", "LOC"),
    ],
)
def test_within_a_family_the_text_chooses_the_label(text: str, label: str) -> None:
    (found,) = {entity.label for entity in entities_of(mentions_of(read(text)), labels=LABELS)}
    assert found == label


def test_the_order_of_the_mentions_decides_nothing() -> None:
    mentions = list(mentions_of(read(" ".join(text for _, text, _ in KINDS))))
    expected = sorted(entities_of(mentions, labels=LABELS))
    for seed in range(5):
        random.Random(seed).shuffle(mentions)
        assert sorted(entities_of(mentions, labels=LABELS)) == expected


def test_a_text_in_another_language_gives_no_evidence() -> None:
    (mention,) = mentions_of(read("Die Lage in {PERSON:Orvel} blieb.", language="de"))
    assert mention.before.endswith("in ")
    (entity,) = entities_of([mention], labels=LABELS, with_evidence=False)
    assert entity.label == "PERSON"


def test_a_pattern_holds_against_all_evidence() -> None:
    patterns = Patterns(1, (SpacyPattern("ORG", "Kenya"), SpacyPattern("PLACE", "Lord Orvel")))
    nlp = spacy.blank("en")
    nlp.meta["name"] = "blank"
    posts = [accepted("Kenya and Lord Orvel met in Kenya.")]
    (post,) = extract_entities(posts, nlp, labels=LABELS, patterns=patterns)
    assert {e.key: e.label for e in post.entities} == {"kenya": "ORG", "lord orvel": "PLACE"}


def test_a_mention_needs_no_context() -> None:
    (entity,) = entities_of([Mention("PERSON", "Anna Orvel")], labels=LABELS)
    assert (entity.key, entity.label) == ("anna orvel", "PERSON")
