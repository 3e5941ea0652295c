"""The command line: what is accepted, and what is refused in a sentence."""

from argparse import ArgumentParser

import pytest

from ingest.loader.arguments import add_arguments, reader_of
from ingest.loader.reading.readers import RowReader


def reader(*arguments: str) -> RowReader:
    parser = ArgumentParser()
    add_arguments(parser)
    return reader_of(parser.parse_args([*arguments, "p.csv"]))


@pytest.mark.parametrize(
    ("text", "delimiter"), [(r"\t", "\t"), ("\t", "\t"), ("tab", "\t"), (";", ";"), ("¦", "¦")]
)
def test_a_delimiter_is_one_character_or_the_name_of_a_tab(text: str, delimiter: str) -> None:
    assert reader("--delimiter", text).dialect.delimiter == delimiter


@pytest.mark.parametrize(
    ("option", "text", "reason"),
    [
        ("--delimiter", "||", r"'||' is not one character; '\t' is a tab"),
        ("--delimiter", "", "'' is not one character"),
        ("--delimiter", r"\n", "is not one character"),
        ("--delimiter", "\n", "is not one character"),
        ("--delimiter", '"', "is not one character"),
        ("--zone", "Europe/Atlantis", "'Europe/Atlantis' is no time zone, such as Europe/Berlin"),
        ("--zone", "../../etc/passwd", "is no time zone"),
        ("--zone", "", "is no time zone"),
        ("--date-format", "%d.%m.", "'%d.%m.' is not unix, unix-ms, or a format of strptime"),
        ("--encoding", "klingon", "'klingon' is no encoding, such as windows-1252"),
        ("--encoding", "base64", "is no encoding"),
        ("--quotes", "maybe", "invalid choice"),
        ("--like", "nothing", "invalid choice"),
        ("--column", "contents=a", "is not FIELD=COLUMN"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    option: str, text: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        reader(option, text)
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}" in said
    assert reason in said


def test_the_old_name_of_a_preset_still_means_it() -> None:
    assert reader("--all-the-news") == reader("--like", "all-the-news-2")


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        reader("--help")
    assert "%m/%d/%Y" in capsys.readouterr().out
