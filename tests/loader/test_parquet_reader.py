"""Columns of Parquet: what is no text and no date is refused, and no timestamp ends a load."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.dates import Dates
from ingest.loader.reading.files import CorruptFile
from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row
from tests.support.rows import read_rows

SECOND = 10**9  # in nanoseconds
DAY = 86_400  # in seconds


def rows(path: Path, *, dates: Dates | None = None, **columns: Any) -> list[Row]:
    """Write columns beside a content, and read them again."""
    length = len(next(iter(columns.values())))
    table = {"content": [f"Oslo {n}." for n in range(length)], **columns}
    parquet.write_table(pa.table(table), path)
    return read_rows(RowReader(Columns(publication="P"), dates=dates or Dates()), path)[0]


def values(found: list[Row], field: str) -> list[Any]:
    """Return a field of each row that is sent, and the problem of each other row."""
    return [row.post.get(field) if row.is_sent and row.post else row.problem for row in found]


TEXTS = [
    pa.string(),
    pa.large_string(),
    pa.binary(),
    pa.large_binary(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.binary()),
]


@pytest.mark.parametrize("type_", TEXTS, ids=str)
def test_text_is_text_in_every_type(tmp_path: Path, type_: pa.DataType) -> None:
    column = pa.array(["Angela Merkel in Zürich.", "Oslo.", None])
    if pa.types.is_dictionary(type_):
        column = column.cast(type_.value_type).dictionary_encode()
    found = rows(tmp_path / "p.parquet", title=column.cast(type_))
    assert values(found, "title") == ["Angela Merkel in Zürich.", "Oslo.", None]


@pytest.mark.parametrize("type_", [pa.binary(), pa.string()], ids=str)
def test_bytes_that_are_not_utf_8_cost_their_row_only(tmp_path: Path, type_: pa.DataType) -> None:
    column = pa.array([b"Oslo.", b"\xff\xfe", b"Rome."]).view(type_)
    assert values(rows(tmp_path / "p.parquet", title=column), "title") == [
        "Oslo.",
        "title: is not UTF-8",
        "Rome.",
    ]


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("content", [1, 2]),
        ("title", [1.5, None]),
        ("title", [["a"], ["b"]]),
        ("url", [{"a": 1}, None]),
        ("id", [True, False]),
        ("id", [Decimal("1.0"), None]),
        ("title", [date(2020, 1, 1), None]),
        ("published_at", [1_424_300_400, None]),
        ("published_at", pa.array([1, 2], pa.time32("s"))),
        ("published_at", pa.array([1, 2], pa.duration("s"))),
    ],
)
def test_a_type_that_its_field_cannot_have_is_refused_with_its_column(
    tmp_path: Path, field: str, column: Any
) -> None:
    with pytest.raises(
        CorruptFile, match=f"column {field} has the type .*, but {field} needs text"
    ):
        rows(tmp_path / "p.parquet", **{field: column})


@pytest.mark.parametrize(
    ("type_", "counts", "read"),
    [
        (pa.timestamp("ns"), [SECOND + 250], ["1970-01-01T00:00:01"]),
        (pa.timestamp("ns"), [-1], ["1969-12-31T23:59:59.999999"]),
        (pa.timestamp("us"), [1, None], ["1970-01-01T00:00:00.000001", None]),
        (pa.timestamp("ms"), [1500], ["1970-01-01T00:00:01.500000"]),
        (pa.timestamp("s", "Mars/Olympus"), [DAY], ["1970-01-02T00:00:00"]),
        (pa.timestamp("us", "Europe/Berlin"), [0], ["1970-01-01T00:00:00"]),
        (pa.date32(), [365], ["1971-01-01T00:00:00"]),
        (pa.date64(), [365 * DAY * 1000], ["1971-01-01T00:00:00"]),
    ],
    ids=str,
)
def test_every_timestamp_is_read_exactly(
    tmp_path: Path, type_: pa.DataType, counts: list[int | None], read: list[str | None]
) -> None:
    found = rows(tmp_path / "p.parquet", published_at=pa.array(counts, type_))
    assert values(found, "published_at") == [text and f"{text}+00:00" for text in read]


@pytest.mark.parametrize(
    ("type_", "count"),
    [
        (pa.timestamp("us"), 2**62),
        (pa.timestamp("us"), -(2**62)),
        (pa.timestamp("ms", "UTC"), 2**60),
        (pa.date32(), 2**30),
    ],
    ids=str,
)
def test_a_date_beyond_the_years_of_a_post_costs_its_row_only(
    tmp_path: Path, type_: pa.DataType, count: int
) -> None:
    found = rows(tmp_path / "p.parquet", published_at=pa.array([0, count, 0], type_))
    first, beyond, last = values(found, "published_at")
    assert beyond == "published_at: is not in the years 1 to 9999"
    assert first == last == "1970-01-01T00:00:00+00:00"
    assert found[1].post is not None
    assert found[1].post["content"] == "Oslo 1."


def test_a_time_without_a_zone_gets_the_zone_that_is_meant(tmp_path: Path) -> None:
    noon = datetime(2026, 5, 4, 12)
    columns = {"naive": pa.array([noon]), "aware": pa.array([noon.replace(tzinfo=UTC)])}
    for name, read in (("naive", "10:00:00"), ("aware", "12:00:00")):
        found = rows(
            tmp_path / "p.parquet",
            dates=Dates(ZoneInfo("Europe/Berlin")),
            published_at=columns[name],
        )
        assert values(found, "published_at") == [f"2026-05-04T{read}+00:00"]


def test_a_number_may_be_a_date_whose_unit_is_given(tmp_path: Path) -> None:
    found = rows(tmp_path / "p.parquet", dates=Dates(format="unix"), published_at=[DAY, None])
    assert values(found, "published_at") == ["1970-01-02T00:00:00+00:00", None]


def test_a_column_of_another_type_that_is_not_used_does_not_matter(tmp_path: Path) -> None:
    assert all(row.is_sent for row in rows(tmp_path / "p.parquet", score=[1.5], tags=[["a"]]))
