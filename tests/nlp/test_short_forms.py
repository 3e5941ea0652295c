"""Short forms that a post explains, and those that it only uses."""

import pytest

from ingest.nlp.mentions import entities_of
from ingest.nlp.ner import mentions_of
from ingestsite.configuration import LABELS
from tests.support.marked_texts import read


def keys(text: str) -> list[str]:
    found = entities_of(mentions_of(read(text)), labels=LABELS)
    return sorted({entity.key for entity in found})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The {ORG:Orvel Bank of Dar} ({ORG:OBD}) met. {ORG:OBD} fell.", ["orvel bank of dar"]),
        ("The {ORG:Orvel Bank of Dar} [{ORG:OBD}] met.", ["orvel bank of dar"]),
        ("{ORG:OBaD} (the {ORG:Orvel Bank of Dar}) met.", ["orvel bank of dar"]),
        ('{ORG:Orvel Fish Union} (the "{ORG:OFU}") met. {GPE:OFU} fell.', ["orvel fish union"]),
        ("{ORG:Orvel Fish Union} ({ORG:XYZ}) met.", ["orvel fish union", "xyz"]),
        ("{PERSON:Anna Orvel} ({GPE:Oslo}) came.", ["anna orvel", "oslo"]),
    ],
)
def test_a_short_form_counts_for_the_name_that_the_post_explains_it_with(
    text: str, expected: list[str]
) -> None:
    assert keys(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ORG:Orvel Fish Union} met. {ORG:OFU} fell.", ["orvel fish union"]),
        ("{ORG:Union of Orvel Fish} met. {ORG:UOF} and {ORG:UOF} fell.", ["union of orvel fish"]),
        ("{ORG:Bank of Orvel Dar} met. {GPE:BOD} fell.", ["bank of orvel dar"]),
        ("{ORG:Orvel Union} met. {ORG:OU} fell.", ["orvel union", "ou"]),
        ("{PERSON:Oda Fay Ulm} met {ORG:OFU}.", ["oda fay ulm", "ofu"]),
        (
            "{ORG:Orvel Fish Union} met {ORG:Oslo Farm Union} and {ORG:OFU}.",
            ["ofu", "orvel fish union", "oslo farm union"],
        ),
        ("{ORG:Union of South Adria} left the {GPE:USA}.", ["union of south adria", "usa"]),
    ],
)
def test_initials_count_for_the_one_name_of_the_post_that_has_them(
    text: str, expected: list[str]
) -> None:
    assert keys(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ORG:Orvel Bank of Dar} met. The {ORG:Orvel Bank} fell.", ["orvel bank of dar"]),
        ("{ORG:Orvel Fund for Peace} met. The {ORG:Orvel Fund} fell.", ["orvel fund for peace"]),
        ("{ORG:Orvel Bank Union} met. {ORG:Orvel Bank} fell.", ["orvel bank", "orvel bank union"]),
        (
            "{ORG:Bank of Orvel} and {ORG:Bank of Dar} met. The {ORG:Bank} fell.",
            ["bank", "bank of dar", "bank of orvel"],
        ),
        ("{GPE:Orvel} has the {ORG:Orvel of Old}.", ["orvel", "orvel of old"]),
    ],
)
def test_an_organisation_counts_for_the_one_that_begins_like_it(
    text: str, expected: list[str]
) -> None:
    assert keys(text) == expected
