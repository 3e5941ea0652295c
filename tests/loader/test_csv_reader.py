"""Tables of text: quotes, delimiters and headers. No row is lost or changed without a word."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.csv_reader import Dialect
from ingest.loader.reading.files import CorruptFile
from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row
from tests.support.rows import read_rows

LONE_QUOTES = """id\tcontent\tpublication
1\tBoris Johnson flew to Kyiv.\tThe Example
2\t"Angela Merkel" met Barack Obama.\tThe Example
3\t"Unbalanced by Emmanuel Macron.\tThe Example
4\tOlaf Scholz spoke.\tThe Example
5\tRishi Sunak left.\tThe Example
6\tHe said "no\tThe Example
"""


def rows(path: Path, text: str, columns: Columns | None = None, **dialect: Any) -> list[Row]:
    path.write_text(text, newline="")
    return read_rows(RowReader(columns or Columns(), dialect=Dialect(**dialect)), path)[0]


def contents(found: list[Row]) -> list[str]:
    """Return the content of each row that is sent, and the problem of each other row."""
    return [row.post["content"] if row.is_sent and row.post else row.problem for row in found]


def test_a_lone_quote_costs_its_own_row_only(tmp_path: Path) -> None:
    found = rows(tmp_path / "p.tsv", LONE_QUOTES)
    refused = "has text after a closing quote: if quotes are text, give --quotes none"
    assert contents(found) == [
        "Boris Johnson flew to Kyiv.",
        refused,
        refused,
        "Olaf Scholz spoke.",
        "Rishi Sunak left.",
        'He said "no',
    ]
    assert found[2].body.decode() == '3\t"Unbalanced by Emmanuel Macron.\tThe Example'


def test_quotes_may_be_text(tmp_path: Path) -> None:
    found = rows(tmp_path / "p.tsv", LONE_QUOTES, quotes="none")
    assert contents(found)[1:3] == [
        '"Angela Merkel" met Barack Obama.',
        '"Unbalanced by Emmanuel Macron.',
    ]
    assert all(row.is_sent for row in found)


def test_a_quote_that_never_ends_is_refused_at_its_row(tmp_path: Path) -> None:
    text = 'publication|content\nA|one\nB|"two\nC|three\nD|four\n'
    assert contents(rows(tmp_path / "p.csv", text)) == [
        "one",
        "has a quote that never ends: if quotes are text, give --quotes none",
        "three",
        "four",
    ]


def test_a_quote_that_encloses_rows_of_a_tsv_is_refused(tmp_path: Path) -> None:
    text = 'publication\tcontent\nA\t"one\nB\ttwo\nC\tthree"\nD\tfour\n'
    found = contents(rows(tmp_path / "p.tsv", text))
    assert found[0].startswith("has a quote that encloses rows")
    assert found[1:] == ["two", 'three"', "four"]
    (one, four) = contents(rows(tmp_path / "p.tsv", text, quotes="csv"))
    assert (one, four) == ("one\nB\ttwo\nC\tthree", "four")


def test_a_quote_that_may_enclose_rows_of_a_csv_is_told(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text('publication,content\nA,"one\nB,two\nC,three"\nD,four\n')
    found, said = read_rows(RowReader(Columns()), path)
    assert contents(found) == ["one\nB,two\nC,three", "four"]
    assert len(said) == 1
    assert "a quote encloses lines that look like rows" in said[0]


def test_the_rest_of_a_broken_article_is_no_post(tmp_path: Path) -> None:
    text = (
        "content,publication\n"
        '"He said \\"no\\", then\nleft Berlin, today\nfor \\"good\\", it seems",The Gazette\n'
        'Oslo.,The Gazette\n"Paris, too.",The Gazette\nRome.,The Gazette\n'
    )
    found = rows(tmp_path / "p.csv", text)
    assert [row.post and row.post["content"] for row in found if row.is_sent] == [
        "Paris, too.",
        "Rome.",
    ]
    assert len(found) == 6
    told = rows(tmp_path / "p.csv", text, quotes="backslash")
    assert contents(told) == [
        'He said "no", then\nleft Berlin, today\nfor "good", it seems',
        "Oslo.",
        "Paris, too.",
        "Rome.",
    ]


def test_a_quote_that_parts_cells_wrongly_does_not_hide_the_next_row(tmp_path: Path) -> None:
    text = 'id\tpublication\tcontent\n1\tP\t"one\n2"\tP\ttwo\n3\tP\tthree\n'
    assert contents(rows(tmp_path / "p.tsv", text)) == [
        "has 5 cells, but the first line names 3",
        "two",
        "three",
    ]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).filter(
    str.strip
)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1), st.sampled_from(",;|"))
def test_what_a_writer_of_csv_writes_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]], delimiter: str
) -> None:
    text = StringIO()
    csv.writer(text, delimiter=delimiter).writerows([("publication", "content"), *table])
    path = tmp_path_factory.getbasetemp() / "written.csv"
    found = rows(path, text.getvalue(), quotes="csv", delimiter=delimiter)
    posts = [(row.post["publication"], row.post["content"]) for row in found if row.post]
    assert posts == table


QUOTED = st.text('a" ', max_size=6).map(lambda text: f"{text}x")


@given(st.lists(st.tuples(QUOTED, QUOTED, QUOTED), min_size=1), st.sampled_from("\t|"))
def test_no_line_of_a_tsv_disappears_whatever_its_quotes(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]], delimiter: str
) -> None:
    lines = [delimiter.join((*cells[:2], f"{cells[2]}{n}")) for n, cells in enumerate(table)]
    text = "\n".join([delimiter.join(("publication", "content", "id")), *lines])
    path = tmp_path_factory.getbasetemp() / "quoted.tsv"
    found = rows(path, text)
    assert len(found) == len(lines)
    for number, row in enumerate(found):
        assert row.problem or f"x{number}" in row.body.decode()
    assert all(row.is_sent for row in rows(path, text, quotes="none"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["p.csv", "p.tsv"])
def test_the_delimiter_is_the_one_that_finds_the_columns(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    text = "publication,content\nA,one\n".replace(",", delimiter)
    assert contents(rows(tmp_path / name, text)) == ["one"]


def test_a_file_without_a_header_gets_one(tmp_path: Path) -> None:
    text = '3,"A title","Oslo, too."\n4,"Another","Rome."\n'
    columns = Columns({"content": ("text",)}, "P")
    found = rows(tmp_path / "p.csv", text, columns, header=("class", "title", "text"))
    assert contents(found) == ["Oslo, too.", "Rome."]
    with pytest.raises(CorruptFile, match="--header"):
        rows(tmp_path / "p.csv", text, columns)
    with pytest.raises(CorruptFile, match="no column text, only: a, b, c"):
        rows(tmp_path / "p.csv", text, columns, header=("a", "b", "c"))


def test_a_header_for_a_file_that_has_one_is_not_a_post(tmp_path: Path) -> None:
    header = ("publication", "content")
    found = rows(tmp_path / "p.csv", "publication,content\nA,one\n", header=header)
    assert contents(found) == ["one"]


def test_a_row_that_does_not_fit_its_header_is_refused(tmp_path: Path) -> None:
    found = rows(tmp_path / "p.csv", "A,one\nB\n", header=("publication", "content"))
    assert contents(found) == ["one", "has 1 cells, but --header names 2"]


def test_blanks_around_the_names_of_columns_do_not_count(tmp_path: Path) -> None:
    assert contents(rows(tmp_path / "p.csv", "publication , content\nA,one\n")) == ["one"]


@pytest.mark.parametrize("before", ["\n\r\n", "sep=;\r\n", "\ufeffsep=;\n"])
def test_what_stands_before_the_header_is_skipped(tmp_path: Path, before: str) -> None:
    text = f"{before}publication;content\nA;Oslo, too.\n"
    assert contents(rows(tmp_path / "p.csv", text)) == ["Oslo, too."]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match="2 columns have the name content"):
        rows(tmp_path / "p.csv", "publication,content,content,x,x\nA,one,two,,\n")


def test_a_line_that_is_too_long_does_not_become_two_rows(tmp_path: Path) -> None:
    long = "A," + "x," * 5_000_000 + "\n"
    text = f"publication,content\n{long}B,two\n"
    assert contents(rows(tmp_path / "p.csv", text)) == ["is longer than 10000000 characters", "two"]
