"""Cleaning a text for the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.nlp.cleaning import MAX_RUN_CHARACTERS, break_runs, clean

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


def test_a_run_without_white_space_is_broken() -> None:
    run = "=" * (3 * MAX_RUN_CHARACTERS)
    assert max(map(len, break_runs(f"before {run} after").split())) == MAX_RUN_CHARACTERS
    assert break_runs("a b" * MAX_RUN_CHARACTERS) == "a b" * MAX_RUN_CHARACTERS
    assert break_runs("x" * MAX_RUN_CHARACTERS) == "x" * MAX_RUN_CHARACTERS
