"""Rows of Parquet. A column that is neither text nor a date is refused."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from os import SEEK_END
from typing import Any

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.compression import readable
from ingest.loader.reading.csv_reader import check_header
from ingest.loader.reading.dates import EPOCH, OUT_OF_RANGE, UNITS, Dates
from ingest.loader.reading.files import CHUNK_BYTES, STDIN, CorruptFile, open_raw
from ingest.loader.reading.rows import Notify, Row, post_row

BATCH_ROWS = 100  # converted to Python objects together
# Of the units of a timestamp. Python's dates are as fine as a microsecond, and cut a nanosecond.
PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
DAY_SECONDS = 86_400

NO_PYARROW = "Parquet files need another package: pip install -r requirements/parquet.txt"


@dataclass(frozen=True)
class Kind:
    """
    How a column is read: cast to a type whose values Python knows, then converted one by one.

    Args:
        convert: raises ValueError or OverflowError for a value that cannot be read.
    """

    cast: Any
    convert: Callable[[Any], Any]
    problem: str = ""


def parquet_rows(path: str, columns: Columns, dates: Dates, notify: Notify) -> Iterator[Row]:
    """
    Yield the rows of a Parquet file.

    Raises:
        CorruptFile: it is damaged, or a column has a type that its field cannot have.
    """
    with _opened(path) as (parquet, size):
        schema = parquet.schema_arrow
        check_header(path, schema.names, columns, notify)
        kinds = {
            name: _kind(path, schema.field(name), columns.fields_of(name), dates)
            for name in schema.names
            if columns.fields_of(name)
        }
        total = max(1, parquet.metadata.num_rows)
        number = 0
        for batch in parquet.iter_batches(BATCH_ROWS, columns=list(kinds)):
            values = {name: _values(batch.column(name), kind) for name, kind in kinds.items()}
            for cells in zip(*values.values(), strict=True):
                number += 1
                item, problem = _item(kinds, cells)
                post, offset = columns.of_table(item), size * number // total
                yield post_row(number, offset, post, dates, problem=problem)


def _kind(path: str, field: Any, fields: Sequence[str], dates: Dates) -> Kind:
    """Return how a column is read; refuse a type that one of its fields cannot have."""
    import pyarrow as pa
    from pyarrow import types

    type_ = field.type.value_type if types.is_dictionary(field.type) else field.type
    is_date = fields == ["published_at"]
    if any(is_text(type_) for is_text in _text_types(types)):
        return Kind(pa.large_binary(), bytes.decode, "is not UTF-8")
    if is_date and (convert := _date_converter(type_, types)):
        return Kind(pa.int32() if types.is_date32(type_) else pa.int64(), convert, OUT_OF_RANGE)
    is_number = types.is_integer(type_) or types.is_floating(type_)
    if is_number and (fields == ["id"] or (is_date and dates.format in UNITS)):
        return Kind(type_, lambda number: number)
    needs = f"{' and '.join(fields)} needs text{' or a date' if is_date else ''}"
    raise CorruptFile(f"{path}: column {field.name} has the type {type_}, but {needs}")


def _text_types(types: Any) -> Iterable[Callable[[Any], bool]]:
    yield from (types.is_null, types.is_string, types.is_large_string, types.is_string_view)
    yield from (types.is_binary, types.is_large_binary, types.is_binary_view)
    yield types.is_fixed_size_binary


def _date_converter(type_: Any, types: Any) -> Callable[[int], datetime] | None:
    if types.is_timestamp(type_):
        return partial(_moment, per_second=PER_SECOND[type_.unit], aware=bool(type_.tz))
    if types.is_date32(type_):
        return lambda days: _moment(days * DAY_SECONDS, 1)
    if types.is_date64(type_):
        return partial(_moment, per_second=PER_SECOND["ms"])
    return None


def _values(column: Any, kind: Kind) -> list[Any]:
    if hasattr(column, "dictionary_decode"):
        column = column.dictionary_decode()
    values: list[Any] = column.cast(kind.cast).to_pylist()
    return values


def _item(kinds: Mapping[str, Kind], cells: Sequence[Any]) -> tuple[dict[str, Any], str]:
    """Return a row's cells by their columns, and why one of them cannot be read."""
    item, problem = {}, ""
    for (name, kind), cell in zip(kinds.items(), cells, strict=True):
        try:
            item[name] = None if cell is None else kind.convert(cell)
        except (ValueError, OverflowError):
            item[name] = cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)
            problem = f"{name}: {kind.problem}"
    return item, problem


def _moment(count: int, per_second: int, *, aware: bool = False) -> datetime:
    """Return a date and time; without a zone if the file has none, in UTC else."""
    seconds, rest = divmod(count, per_second)
    moment = EPOCH + timedelta(seconds=seconds, microseconds=rest * 1_000_000 // per_second)
    return moment if aware else moment.replace(tzinfo=None)


@contextmanager
def _opened(path: str) -> Iterator[tuple[Any, int]]:
    """Open a Parquet file, and yield it with its size in bytes."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError as error:
        raise CorruptFile(NO_PYARROW) from error
    if path == STDIN:
        raise CorruptFile("Parquet is read from its end, so it must be a file, not stdin")
    with readable(path), open_raw(path) as file:
        if not file.seekable():
            raise CorruptFile(f"{path}: Parquet is read from its end, so download it first")
        size = file.seek(0, SEEK_END)
        try:
            # Without pre_buffer, PyArrow reads pages instead of a whole row group.
            with ParquetFile(file, pre_buffer=False, buffer_size=CHUNK_BYTES) as parquet:
                yield parquet, size
        except ArrowException as error:
            raise CorruptFile(f"{path}: {error}") from error
