"""Rows of files: each format, packed and plain, and rows that are no post."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.compression import zstd
from ingest.loader.reading.files import CorruptFile
from ingest.loader.reading.parquet_reader import NO_PYARROW
from ingest.loader.reading.presets import PRESETS
from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row

POSTS = [
    {"publication": "The Gazette", "content": "Angela Merkel met\nBarack Obama in Zürich."},
    {"publication": "Ledger", "content": 'He said "no", twice.', "id": "7"},
]


def rows(path: Path, *, columns: Columns | None = None, format_: str | None = None) -> list[Row]:
    return list(RowReader(columns or Columns(), format_).rows(str(path), notify=lambda _: None))


def posts(path: Path, **options: Any) -> list[dict[str, Any] | None]:
    return [row.post for row in rows(path, **options)]


def problems(path: Path) -> dict[int, str]:
    return {row.number: row.problem for row in rows(path) if row.problem}


def write_csv(path: Path) -> None:
    cells = ["publication,content,id,author"]
    for post in POSTS:
        content = post["content"].replace('"', '""')
        cells.append(f'{post["publication"]},"{content}",{post.get("id", "")},Somebody')
    path.write_text("\r\n".join(cells), encoding="utf-8-sig", newline="")


def write_parquet(path: Path) -> None:
    columns = {name: [post.get(name) for post in POSTS] for name in ("publication", "content")}
    ids = pa.array([None, 7], pa.int64())
    parquet.write_table(pa.table({**columns, "id": ids, "author": ["A", "B"]}), path)


def write_lines(path: Path) -> None:
    path.write_text("\n".join(json.dumps(post, ensure_ascii=False) for post in POSTS))


@pytest.mark.parametrize(
    ("name", "write"),
    [("p.jsonl", write_lines), ("p.csv", write_csv), ("p.parquet", write_parquet)],
)
def test_each_format_yields_the_same_posts(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    assert posts(tmp_path / name) == POSTS


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd.compress)])
def test_a_packed_file_is_unpacked_whatever_its_name(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    write_lines(tmp_path / "p.jsonl")
    packed = pack((tmp_path / "p.jsonl").read_bytes())
    for name in (f"p.jsonl{suffix}", "misnamed.jsonl"):
        (tmp_path / name).write_bytes(packed)
        assert posts(tmp_path / name) == POSTS


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd.compress)])
def test_a_truncated_file_yields_its_rows_and_then_an_error(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"p.jsonl{suffix}"
    lines = b"".join(json.dumps({**POSTS[1], "id": str(n)}).encode() + b"\n" for n in range(5000))
    path.write_bytes(pack(lines)[:-40])
    found: list[Row] = []
    with pytest.raises(CorruptFile, match="jsonl"):
        found.extend(RowReader(Columns()).rows(str(path), notify=lambda _: None))
    assert all(row.post for row in found[:-1])


def test_bad_lines_name_their_problem_and_keep_their_numbers(tmp_path: Path) -> None:
    good = json.dumps(POSTS[0]).encode()
    bad = [b"{", b"\xff", b"[1]", b'{"content": NaN}', b"[" * 100_000, b"x" * 10_000_001]
    (tmp_path / "p.jsonl").write_bytes(b"\n".join([good, b"", *bad, good]))
    found = rows(tmp_path / "p.jsonl")
    assert [row.number for row in found] == list(range(1, 10))
    assert found[1].is_blank
    assert found[8].post == POSTS[0]
    words = ("not JSON", "UTF-8", "no JSON object", "NaN", "not JSON", "longer")
    for row, word in zip(found[2:8], words, strict=True):
        assert word in row.problem


def test_bad_rows_of_csv_name_their_problem(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    long = b"x" * 10_000_001
    lines = [b"publication,content", b"A,one", b"B", b"C,c,c", b"D,\xff", b'E,"' + long + b'"']
    path.write_bytes(b"\n".join([*lines, b"F,two", b"", b"G,three"]))
    assert problems(path) == {
        2: "has 1 cells, but the first line names 2",
        3: "has 3 cells, but the first line names 2",
        4: "is not UTF-8",
        5: "is not CSV: field larger than field limit (10000000)",
    }
    last = [row.post for row in rows(path)][-1]
    assert last == {"publication": "G", "content": "three"}


def test_all_the_news_is_read_by_its_own_columns(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text(
        "date,year,month,day,author,title,article,url,section,publication\n"
        '2016-12-09 18:31:00,2016,12.0,9,Lee,A title,"One, two.",https://x.org/1,,Vox\n'
        "2016-10-07,2016,10.0,7,,,Three.,,News,Reuters\n"
    )
    assert posts(path, columns=Columns(PRESETS["all-the-news-2"].columns)) == [
        {
            "content": "One, two.",
            "publication": "Vox",
            "url": "https://x.org/1",
            "title": "A title",
            "published_at": "2016-12-09T18:31:00+00:00",
        },
        {
            "content": "Three.",
            "publication": "Reuters",
            "published_at": "2016-10-07T00:00:00+00:00",
        },
    ]


def test_the_types_of_parquet_become_those_of_a_post(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    noon = datetime(2026, 5, 4, 12)
    times = pa.array([noon, None, noon.replace(tzinfo=UTC)], pa.timestamp("us"))
    table = {"text": ["a", "b", "c"], "published_at": times, "day": [date(2026, 5, 4)] * 3}
    parquet.write_table(pa.table({**table, "id": [1.5, float("nan"), 2.0]}), path)
    columns = Columns({"content": ("text",)}, publication="P")
    found = posts(path, columns=columns)
    assert [post and post.get("published_at") for post in found] == [
        "2026-05-04T12:00:00+00:00",
        None,
        "2026-05-04T12:00:00+00:00",
    ]
    assert [post and post.get("id") for post in found] == ["1.5", None, "2.0"]
    by_day = posts(path, columns=Columns({"content": ("text",), "published_at": ("day",)}, "P"))
    assert by_day[0] is not None
    assert by_day[0]["published_at"] == "2026-05-04T00:00:00+00:00"


def test_objects_stay_unchanged_unless_a_column_has_another_name(tmp_path: Path) -> None:
    item = {"body": "Oslo.", "author": "Lee"}
    (tmp_path / "p.jsonl").write_text(json.dumps(item))
    columns = Columns({"content": ("body",)}, publication="P")
    (post,) = posts(tmp_path / "p.jsonl", columns=columns)
    assert post == {"content": "Oslo.", "author": "Lee", "publication": "P"}
    (post,) = posts(tmp_path / "p.jsonl", columns=Columns({"content": ("body",)}, "P", True))
    assert post == {"content": "Oslo.", "publication": "P"}


def test_a_table_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("text,publication\nOslo.,P\n")
    with pytest.raises(CorruptFile, match="no column content, only: text, publication"):
        rows(tmp_path / "p.csv")
    said: list[str] = []
    reader = RowReader(Columns({"content": ("text",)}, "P"))
    (tmp_path / "q.csv").write_text("text,author\nOslo.,Lee\n")
    assert len(list(reader.rows(str(tmp_path / "q.csv"), notify=said.append))) == 1
    assert said == [f"{tmp_path / 'q.csv'}: columns left out: author"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"no parquet"])
def test_a_file_that_is_no_parquet_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.parquet").write_bytes(content)
    with pytest.raises(CorruptFile, match=r"p\.parquet"):
        rows(tmp_path / "p.parquet")


def test_parquet_without_its_package_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(CorruptFile, match=NO_PYARROW):
        rows(tmp_path / "p.parquet")


def test_an_unknown_suffix_asks_for_the_format(tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.txt")
    with pytest.raises(CorruptFile, match="--format"):
        rows(tmp_path / "posts.txt")
    assert posts(tmp_path / "posts.txt", format_="jsonl") == POSTS
    with pytest.raises(CorruptFile, match="No such file"):
        rows(tmp_path / "nothing.jsonl")
