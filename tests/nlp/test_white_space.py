"""White space as a reader sees it."""

import textwrap

import pytest

from ingest.nlp.white_space import fold_blanks, join_lines, remove_invisible

PROSE = (
    "Angela Merkel met Barack Obama in Berlin on Monday, and both of them spoke about trade. The"
    " chancellor of Germany asked the president of the United States for a treaty. He said that"
    " Congress would have to agree, and that New York and Los Angeles would gain from it."
)

SONNET = """\
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date."""
FREE_VERSE = "so much depends\nupon\n\na red wheel\nbarrow\n\nglazed with rain\nwater"
BULLETS = """\
They came to the town hall of Berlin on Monday:
- Angela Merkel, the chancellor of the republic
- Barack Obama, the president of the United States
- a third man who did not want to be named"""
NUMBERS = "1. Angela Merkel spoke for an hour in the morning\n2. they left at noon, and it rained"
NAMES = "Angela Merkel\nBarack Obama\nTheresa May\nFrancois Hollande"
HEADLINE = "Merkel Meets Obama in Berlin for Talks on Trade and Peace\nThe two met on Monday."
SHORT_HEADLINE = (
    "Merkel in Berlin\nThe chancellor met the president of the United States on Monday."
)
TABLE = "name      votes     share\nMerkel    100       50\nObama     90        45"
TABS = "name\tvotes\nMerkel\t100\nObama\t90"
PIPES = "| the name of a person who came | votes |\n| chancellor of the republic | 100 |"
DIALOGUE = "MERKEL: We can do it, and we will do it this year.\nOBAMA: Yes, we can, together."
ADDRESS = "Angela Merkel\nWilly-Brandt-Strasse 1\n10557 Berlin\nGermany"
PARAGRAPHS = "Angela Merkel met Barack Obama.\nThey talked in Berlin.\n\nThen they left."


@pytest.mark.parametrize("width", range(36, 81, 4))
def test_wrapped_prose_becomes_the_text_that_was_wrapped(width: int) -> None:
    assert join_lines(textwrap.fill(PROSE, width)) == PROSE


def test_wrapped_paragraphs_stay_apart() -> None:
    paragraph = textwrap.fill(PROSE, 60)
    assert join_lines(f"{paragraph}\n\n{paragraph}") == f"{PROSE}\n\n{PROSE}"


@pytest.mark.parametrize(
    "text",
    [
        *(SONNET, FREE_VERSE, BULLETS, NUMBERS, NAMES, HEADLINE, SHORT_HEADLINE, TABLE, TABS),
        *(PIPES, DIALOGUE, ADDRESS, PARAGRAPHS),
    ],
)
def test_lines_that_mean_something_stay(text: str) -> None:
    assert join_lines(fold_blanks(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He met the president of the\nrepublic in Berlin.", "of the republic in"),
        ("He told the reporters who waited for him in the\nNew York office.", "the New York"),
        ("It rained in May. On a cold day the United\nStates sent help.", "United States"),
        ("Yesterday morning the chancellor thanked Barack\nObama for it.", "Barack Obama"),
        ("He worked for the paper as its vice-\npresident for Europe.", "vice-president"),
        ("He met the president of the United\nStates.", "United States"),
        ("Its vice-\npresident for Europe left.", "vice-president"),
        ("Both spoke with Mr.\nObama, who did not answer any question.", "Mr. Obama"),
    ],
)
def test_a_broken_sentence_is_joined(text: str, expected: str) -> None:
    assert expected in join_lines(text)


@pytest.mark.parametrize(
    "blank",
    [
        *"\u00a0\u1680\u2000\u2002\u2003\u2007\u2009\u200a\u202f\u205f\u3000\u2800\t",
        "  ",
        " \u00a0",
        "\t\t",
    ],
)
def test_every_blank_becomes_one_space(blank: str) -> None:
    assert fold_blanks(f"Angela{blank}Merkel met{blank}him.") == "Angela Merkel met him."


def test_a_blank_in_each_of_two_paragraphs_is_no_column() -> None:
    paragraphs = "On Monday in Berlin, Angela\tMerkel met those who had waited for her since May."
    assert fold_blanks(f"{paragraphs}\n{paragraphs} So.").count("Angela Merkel") == 2


@pytest.mark.parametrize(
    "sign",
    "\u00ad\u034f\u061c\u115f\u1160\u3164\uffa0\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060"
    "\u2063\u2066\u2069\u206f\ufe00\ufe0f\ufeff\ufff9\x81\x9f\U0001d173\U000e0001\U000e0061\U000e0100",
)
def test_an_invisible_sign_leaves_a_name(sign: str) -> None:
    assert remove_invisible(f"{sign}Ang{sign}ela Merkel{sign}") == "Angela Merkel"


# Persian, Hindi, Malayalam and Sinhala.
@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\u0d28\u0d4d\u200d \u0d2e",
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    ],
)
def test_joiners_stay_in_the_scripts_that_need_them(text: str) -> None:
    assert remove_invisible(f"{text} Ber\u200dlin") == f"{text} Berlin"
