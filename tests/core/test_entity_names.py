"""The text that pages show for an entity, and the key it is counted under."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.entity_names import (
    MAX_CHARACTERS,
    entity_key,
    entity_text,
    family,
    read_family,
)

TABLE = [
    # label, as the model finds it, as it is shown, the key that is counted
    ("PERSON", "trump", "trump", "trump"),
    ("PERSON", "Trump's", "Trump", "trump"),
    ("PERSON", "the President Trump", "Trump", "trump"),
    ("PERSON", "Trump\n", "Trump", "trump"),
    ("PERSON", "Mr. Trump", "Trump", "trump"),
    ("PERSON", "Mr Donald  Trump’s", "Donald Trump", "donald trump"),
    ("PERSON", "“Donald Trump”", "Donald Trump", "donald trump"),
    ("PERSON", "Donald\nTrump", "Donald Trump", "donald trump"),
    ("PERSON", "Prime Minister John Howard", "John Howard", "john howard"),
    ("PERSON", "President", "President", "president"),
    ("PERSON", "Sen.McCain", "McCain", "mccain"),
    ("PERSON", "Queen Elizabeth", "Queen Elizabeth", "queen elizabeth"),
    ("PERSON", "Lady Gaga", "Lady Gaga", "lady gaga"),
    ("PERSON", "O'Neill", "O'Neill", "oneill"),
    ("PERSON", "O’Neill’s", "O’Neill", "oneill"),
    ("PERSON", "D'Arcy", "D'Arcy", "darcy"),
    ("PERSON", "Jean-Luc Picard", "Jean-Luc Picard", "jean luc picard"),
    ("PERSON", "Beyoncé", "Beyoncé", "beyonce"),
    ("PERSON", "Beyonce\u0301", "Beyoncé", "beyonce"),
    ("PERSON", "J.K. Rowling", "J.K. Rowling", "jk rowling"),
    ("PERSON", "Martin Luther King Jr.", "Martin Luther King Jr.", "martin luther king jr"),
    ("PERSON", "Charles'", "Charles", "charles"),
    ("PERSON", "GONZÁLEZ", "GONZÁLEZ", "gonzalez"),
    ("PERSON", "Łukasz Żółw", "Łukasz Żółw", "łukasz zołw"),
    ("PERSON", "Владимир Путин", "Владимир Путин", "владимир путин"),
    ("GPE", "U.S.", "U.S.", "us"),
    ("GPE", "US", "US", "us"),
    ("GPE", "the U.S.'s", "U.S.", "us"),
    ("GPE", "The United States", "United States", "united states"),
    ("GPE", "the Netherlands'", "Netherlands", "netherlands"),
    ("GPE", "São Paulo", "São Paulo", "sao paulo"),
    ("GPE", "İstanbul", "İstanbul", "istanbul"),
    ("GPE", "Straße", "Straße", "strasse"),
    ("GPE", "日本", "日本", "日本"),
    ("GPE", "हिन्दी", "हिन्दी", "हिनदी"),
    ("GPE", "한국", "한국", "한국"),
    ("GPE", "Theodore", "Theodore", "theodore"),
    ("ORG", "al-Qaeda", "al-Qaeda", "al qaeda"),
    ("ORG", "Al Qaeda", "Al Qaeda", "al qaeda"),
    ("ORG", "AT&T", "AT&T", "at t"),
    ("ORG", "AC/DC", "AC/DC", "ac dc"),
    ("ORG", "the New York Times", "New York Times", "new york times"),
    ("ORG", "Yahoo!", "Yahoo", "yahoo"),
    ("ORG", "McDonald's", "McDonald", "mcdonald"),
    ("ORG", "The President's Council", "President's Council", "presidents council"),
    ("ORG", "(CNN", "CNN", "cnn"),
    ("ORG", "Ministry (Defence)", "Ministry (Defence)", "ministry defence"),
    ("ORG", "--Reuters--", "Reuters", "reuters"),
    ("ORG", "ﬁnance", "ﬁnance", "finance"),
    ("ORG", "__init__", "init", "init"),
    ("PRODUCT", "C++", "C++", "c++"),
    ("PRODUCT", "C#", "C#", "c#"),
    ("EVENT", "the 2000 Olympics", "2000 Olympics", "2000 olympics"),
    ("FAC", ".NET", ".NET", "net"),
]

JUNK = [
    "",
    " ",
    "x",
    "'s",
    "the",
    "...",
    "9/11",
    "2001",
    "- -",
    "\u200b",
    "x" * (MAX_CHARACTERS + 1),
]
JUNK += ["https://example.com/Obama", "www.example.com", "obama@example.com", "@obama"]


@pytest.mark.parametrize(("label", "found", "text", "key"), TABLE)
def test_a_name_is_shown_and_counted_as_the_table_says(
    label: str, found: str, text: str, key: str
) -> None:
    assert entity_text(found, label) == text
    assert entity_key(text) == key


@pytest.mark.parametrize("junk", JUNK)
def test_text_that_is_not_a_name_is_dropped(junk: str) -> None:
    assert entity_text(junk, "ORG") == ""


@pytest.mark.parametrize(
    ("label", "expected"),
    [("GPE", "PLACE"), ("FAC", "PLACE"), ("ORG", "GROUP"), ("PERSON", "PERSON"), ("TICK", "TICK")],
)
def test_labels_that_a_model_confuses_are_one_family(label: str, expected: str) -> None:
    assert family(label) == expected


PIECES = ["the ", "Mr. ", "'s", "’", "(", ")", "President ", ".", "İ", "ß", "e\u0301", "\n", "US"]
NAMES = st.text() | st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join)


@given(NAMES, st.sampled_from(["PERSON", "GPE"]))
def test_the_text_of_a_text_is_itself(name: str, label: str) -> None:
    text = entity_text(name, label)
    assert entity_text(text, label) == text


@given(NAMES)
def test_the_key_of_a_key_is_itself(name: str) -> None:
    key = entity_key(name)
    assert entity_key(key) == key


@given(NAMES, st.sampled_from(["PERSON", "GPE"]))
def test_a_name_has_a_key(name: str, label: str) -> None:
    text = entity_text(name, label)
    assert bool(entity_key(text)) == bool(text)


@pytest.mark.parametrize(
    ("text", "found"), [("person", "PERSON"), ("Place", "PLACE"), ("date", "DATE"), ("own", "Own")]
)
def test_a_family_is_read_in_any_case(text: str, found: str) -> None:
    assert read_family(text, labels=["GPE", "Own"]) == found


def test_an_unknown_family_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="families are GROUP, Own, PERSON, PLACE, WORK"):
        read_family("people", labels=["PER", "Own"])
    with pytest.raises(ValueError, match="is a label of the family PLACE"):
        read_family("gpe", labels=[])
