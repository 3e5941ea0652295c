"""JSON: lines, arrays and objects one after another, with dates and empty fields as in tables."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.dates import Dates
from ingest.loader.reading.files import CorruptFile
from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row
from tests.support.rows import read_rows

POSTS = [{"publication": "P", "content": f"Oslo {n}.", "x": n} for n in range(3)]


def rows(path: Path, content: str | bytes, **options: Any) -> list[Row]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rows(RowReader(options.pop("columns", Columns()), **options), path)[0]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, POSTS)),
        json.dumps(POSTS),
        json.dumps(POSTS, indent=2),
        "\ufeff" + json.dumps(POSTS),
        "\n".join(json.dumps(post, indent=2) for post in POSTS),
    ],
    ids=["lines", "array", "indented array", "array after a byte order mark", "indented objects"],
)
@pytest.mark.parametrize("name", ["p.json", "p.jsonl", "p.ndjson"])
def test_every_shape_of_json_yields_the_same_posts(tmp_path: Path, name: str, text: str) -> None:
    assert [row.post for row in rows(tmp_path / name, text)] == POSTS


def test_an_array_is_read_in_pieces(tmp_path: Path) -> None:
    items = [{"publication": "P", "content": "x" * (n * 997 % 200_000)} for n in range(1, 60)]
    found = rows(tmp_path / "p.json", json.dumps(items))
    assert [row.post for row in found] == items
    assert [row.number for row in found] == list(range(1, 60))


def test_a_number_between_two_pieces_is_one_element(tmp_path: Path) -> None:
    found = rows(tmp_path / "p.json", json.dumps([{}, *[123456789] * 40_000]))
    assert {row.body for row in found[1:]} == {b"123456789"}
    assert len(found) == 40_001


def test_an_element_that_is_no_post_costs_itself_only(tmp_path: Path) -> None:
    text = json.dumps([{"content": "a"}, 7, None, "x", [1], {"content": "b"}])
    found = rows(tmp_path / "p.json", text)
    assert [row.problem for row in found] == ["", *["is no JSON object"] * 4, ""]


def test_bytes_that_are_not_utf_8_cost_their_element_only(tmp_path: Path) -> None:
    found = rows(tmp_path / "p.json", b'[{"content": "a\xff"}, {"content": "b"}]')
    assert [row.problem for row in found] == ["is not UTF-8", ""]


@pytest.mark.parametrize(
    "text",
    [
        '[{"content": "a"}, {"content": "b"',
        '[{"content": "a"}, {"content": NaN}]',
        '[{"content": "a"} {"content": "b"}]',
        '[{"content": "a"}] trailing',
        '[{"content": "a"}, ' + "[" * 100_000,
        '[{"content": "a"}, {"content": "' + "x" * 11_000_000 + '"',
    ],
    ids=["ends", "NaN", "no comma", "trailing", "too deep", "too long"],
)
def test_json_that_breaks_off_is_one_sentence_after_the_rows_before(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "p.json").write_text(text)
    found: list[Row] = []
    with pytest.raises(CorruptFile, match=r"p\.json: no JSON after row 1: "):
        found.extend(RowReader(Columns()).rows(str(tmp_path / "p.json"), notify=print))
    assert len(found) == 1


def test_the_format_jsonl_is_by_line_whatever_it_looks_like(tmp_path: Path) -> None:
    found = rows(tmp_path / "p.jsonl", '{\n{"content": "a"}\n', format="jsonl")
    assert [row.is_sent for row in found] == [False, True]


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path / "p.json", " [ ] \n") == []
    assert rows(tmp_path / "p.json", "") == []


@pytest.mark.parametrize("empty", [None, "", "  \n"])
def test_an_empty_field_is_absent_as_in_tables(tmp_path: Path, empty: object) -> None:
    fields = ("title", "url", "id", "published_at", "language")
    item = {"publication": "P", "content": "Oslo.", **dict.fromkeys(fields, empty)}
    (row,) = rows(tmp_path / "p.jsonl", json.dumps(item))
    assert row.post == {"publication": "P", "content": "Oslo."}


def test_a_date_without_a_zone_gets_one(tmp_path: Path) -> None:
    item = {"content": "Oslo.", "published_at": "2016-09-15 09:25:00"}
    (row,) = rows(tmp_path / "p.jsonl", json.dumps(item), dates=Dates(ZoneInfo("Europe/Berlin")))
    assert json.loads(row.body)["published_at"] == "2016-09-15T07:25:00+00:00"


def test_a_date_that_is_not_understood_is_refused_with_its_post(tmp_path: Path) -> None:
    item = {"content": "Oslo.", "published_at": "31/12/2019"}
    (row,) = rows(tmp_path / "p.jsonl", json.dumps(item))
    assert not row.is_sent
    assert row.problem.startswith("published_at: '31/12/2019' is day or month first")
    assert row.post == item


def test_a_number_may_be_an_id(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "p.jsonl", '{"content": "Oslo.", "id": 7}')
    assert row.post is not None
    assert row.post["id"] == "7"
    (row,) = rows(tmp_path / "p.jsonl", '{"content": "Oslo.", "id": true, "title": 7}')
    assert row.post == {"content": "Oslo.", "id": True, "title": 7}  # for the API to refuse


def test_the_first_column_that_is_not_empty_counts(tmp_path: Path) -> None:
    columns = Columns({"content": ("text", "headline"), "title": ("headline",)}, "P", True)
    lines = '{"text": "Oslo.", "headline": "A"}\n{"text": " ", "headline": "B"}\n{"headline": "C"}'
    found = [row.post for row in rows(tmp_path / "p.jsonl", lines, columns=columns)]
    assert [post and (post["content"], post["title"]) for post in found] == [
        ("Oslo.", "A"),
        ("B", "B"),
        ("C", "C"),
    ]
