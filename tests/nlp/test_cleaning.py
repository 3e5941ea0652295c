"""Cleaning a text for the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import samples
from ingest.nlp.cleaning import MAX_RUN_CHARACTERS, break_runs, clean
from tests.harness.text_kinds import ways

# Others add a start or an end, or leave a line break between two sentences.
WAYS = [
    (name, way)
    for name, way in ways()
    if not name.startswith(("begins", "wrapped", "literal", "entities"))
]

HTML = """<html><head><title>News</title><style>p { color: red }</style></head><body>
<script>var obama = 1</script><p>Donald <b>Tr</b>ump&rsquo;s Caf&eacute;<br>Oslo</p>
<div>AT&amp;T</div><div>Bonn</div></body></html>"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HTML, "Donald Trump's Café\nOslo\nAT&T\nBonn"),
        ("AT&amp;T and L&rsquo;Oréal", "AT&T and L'Oréal"),
        ("a < b and <name withheld> > c", "a < b and <name withheld> > c"),
        ("CafÃ© in SÃ£o Paulo", "Café in São Paulo"),
        ("it\u2019s \u201cObama\u201d", 'it\'s "Obama"'),
        ("Oba\u00adma in Os\u200blo\ufeff", "Obama in Oslo"),
        ("Oslo\x00 \x07is\r\nhere\x1b[31m", "Oslo is\nhere"),
        ("\ud83d", "\ufffd"),
        ("ﬁnance Ａ", "finance A"),
        ("Beyonce\u0301", "Beyoncé"),
        ("AT&amp;T has a < b", "AT&T has a < b"),
        ("Page one\x0cPage\x0btwo", "Page one\nPage two"),
        ("(CNN)Barack\u00a0Obama[1][2] said", "(CNN) Barack Obama said"),
        ("<p></p>", ""),
        ("", ""),
    ],
)
def test_a_text_reads_as_a_reader_would_see_it(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text())
def test_any_text_can_be_cleaned_and_encoded(text: str) -> None:
    clean(f"<p>{text}</p>").encode()
    clean(text).encode()


@pytest.mark.parametrize("name", [name for name, _ in WAYS])
def test_a_way_to_write_a_text_changes_nothing_that_the_model_reads(name: str) -> None:
    texts = [" ".join(post["content"].split()) for post in samples.read()]
    way = dict(WAYS)[name]
    assert [clean(way(text)) for text in texts] == [clean(text) for text in texts]


@pytest.mark.parametrize(
    "sign", ["(", "'", "a-", "😀", "﷽", "=", "( a ", "- ", "1,", "[[", "\u200d👩"]
)
def test_the_longest_text_of_signs_has_few_tokens(sign: str) -> None:
    text = (sign * 100_000)[:100_000]
    assert len(clean(f"Angela Merkel {text} Barack Obama")) < 300
    assert clean(f"Angela Merkel {text} Barack Obama").startswith("Angela Merkel")
    assert clean(f"Angela Merkel {text} Barack Obama").endswith("Barack Obama")


def test_a_long_text_of_words_stays_whole() -> None:
    text = "Angela Merkel, who is 60, met B. Obama (in the U.S.) on 3-4 May; it rained. " * 1_000
    assert clean(text) == text


def test_a_run_without_white_space_is_broken() -> None:
    run = "=" * (3 * MAX_RUN_CHARACTERS)
    assert max(map(len, break_runs(f"before {run} after").split())) == MAX_RUN_CHARACTERS
    assert break_runs("a b" * MAX_RUN_CHARACTERS) == "a b" * MAX_RUN_CHARACTERS
    assert break_runs("x" * MAX_RUN_CHARACTERS) == "x" * MAX_RUN_CHARACTERS
