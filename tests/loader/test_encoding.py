"""Encodings of text: found by the first bytes or given, and never replaced in silence."""

import json
from pathlib import Path

import pytest

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.files import CorruptFile
from ingest.loader.reading.readers import RowReader
from tests.support.rows import read_rows

CONTENT = "Angela Merkel in Zürich, 東京 and 🏛."
TEXTS = {
    "p.csv": f'publication,content\nP,"{CONTENT}"\n',
    "p.jsonl": json.dumps({"publication": "P", "content": CONTENT}, ensure_ascii=False) + "\n",
    "p.json": json.dumps([{"publication": "P", "content": CONTENT}], ensure_ascii=False),
}


def contents(path: Path, encoding: str | None = None) -> list[str]:
    """Return the content of each row that is sent, and the problem of each other row."""
    found, _ = read_rows(RowReader(Columns(), encoding=encoding), path)
    return [row.post["content"] if row.is_sent and row.post else row.problem for row in found]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)
def test_unicode_is_found_by_its_first_bytes(tmp_path: Path, name: str, encoding: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    (tmp_path / name).write_bytes(mark + TEXTS[name].encode(encoding))
    assert contents(tmp_path / name) == [CONTENT]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [("windows-1252", "Merkel in Zürich: „gut“."), ("shift_jis", "東京"), ("gb18030", "北京🏛")],
)
def test_another_encoding_is_given(tmp_path: Path, encoding: str, content: str) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(f"publication,content\nP,{content}\n".encode(encoding))
    assert contents(path, encoding) == [content]
    assert contents(path) == ["is not UTF-8"]


def test_what_is_no_text_in_the_encoding_costs_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"publication,content\nP,one\nP,\x81two\nP,three\n")
    assert contents(path, "windows-1252") == ["one", "is not UTF-8", "three"]
    text = "publication,content\nP,one\nP,\ud800two\nP,three\n"
    path.write_bytes(text.encode("utf-16", "surrogatepass"))
    assert contents(path) == ["one", "is not UTF-8", "three"]


def test_utf_16_that_breaks_off_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(TEXTS["p.csv"].encode("utf-16")[:-1])
    with pytest.raises(CorruptFile, match=r"p\.csv: is not utf-16"):
        contents(path)
