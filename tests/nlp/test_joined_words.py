"""Names that the model found without their first word."""

import pytest

from ingest.nlp.mentions import entities_of
from ingest.nlp.ner import mentions_of
from ingestsite.configuration import LABELS
from tests.support.marked_texts import read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Old Dar {ORG:Orvel} rose. Buy Dar {ORG:Orvel} now.", ["dar orvel"]),
        ("Old Dar {ORG:Orvel} rose.", ["orvel"]),
        ("Old Dar {ORG:Orvel} rose. Buy {ORG:Orvel} now.", ["orvel"]),
        ("Dar {ORG:Orvel} rose.\nDar {ORG:Orvel} fell.", ["orvel"]),
        ("The {ORG:Orvel} rose, and The {ORG:Orvel} fell.", ["orvel"]),
        ("Old {GPE:Dar} {ORG:Orvel} rose. Old {GPE:Dar} {ORG:Orvel} fell.", ["dar", "orvel"]),
        ("Ask Striker {PERSON:Orvel} or Striker {PERSON:Orvel}.", ["orvel"]),
        ("Old Dar {GPE:Oslo} and old Dar {GPE:Oslo}.", ["oslo"]),
    ],
)
def test_a_word_in_capitals_before_every_mention_belongs_to_the_name(
    text: str, expected: list[str]
) -> None:
    found = entities_of(mentions_of(read(text)), labels=LABELS)
    assert sorted({entity.key for entity in found}) == expected
