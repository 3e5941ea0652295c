"""Tables as CSV, JSON and Parquet, written while their rows are read."""

import csv
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import Any, Literal, get_args

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from ingest.core.chunks import chunks

ExportFormat = Literal["csv", "json", "parquet"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

CONTENT_TYPES: Mapping[ExportFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}

# With this sign at the start Excel reads a file as UTF-8.
BYTE_ORDER_MARK = "\ufeff"

# A spreadsheet would run what begins so as a formula, the last four in East Asian versions.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

ROWS = 1000  # that are written together

NO_PYARROW = "Parquet files need another package: pip install -r requirements/parquet.txt"

Row = tuple[Any, ...]
Kind = Literal["text", "whole", "share"]


class FormatUnavailable(Exception):
    """A package that a format needs is not installed."""


@dataclass(frozen=True)
class Table:
    """
    Rows of one shape, and where they come from.

    Args:
        name: of the file, without its ending.
        columns: the kind of each column's values, which may be None.
        source: a line that says what was counted, over which posts, and when.
    """

    name: str
    columns: Mapping[str, Kind]
    rows: Iterable[Row]
    source: str


def write(table: Table, format_: ExportFormat) -> Iterator[bytes]:
    """
    Write a table part by part.

    Raises:
        FormatUnavailable: at once, if this installation does not write the format.
    """
    if format_ == "parquet":
        return _parquet(table)
    parts = _csv(table) if format_ == "csv" else _json(table)
    return (part.encode() for part in parts)


class StreamedFile(StreamingHttpResponse):
    """
    A file that is written while it is sent.

    Args:
        name: of the file, without its ending.
        source: what the parts are read from. It ends with the answer, even if no part was sent.
            A generator that never ran does not end its source by itself.
    """

    def __init__(
        self,
        parts: Iterable[str | bytes],
        *,
        name: str,
        format_: ExportFormat,
        source: Generator[object] | None = None,
    ) -> None:
        self._source = source
        headers = {"Content-Disposition": disposition(name, format_)}
        super().__init__(parts, content_type=CONTENT_TYPES[format_], headers=headers)

    def close(self) -> None:
        """End the answer, and then its source."""
        super().close()
        if self._source:
            self._source.close()


def table_response(
    table: Table, format_: ExportFormat, source: Generator[object] | None = None
) -> StreamedFile:
    """Answer with a table as a file; what goes wrong before its first byte is an error."""
    parts = write(table, format_)
    first = next(parts)
    return StreamedFile(chain((first,), parts), name=table.name, format_=format_, source=source)


def disposition(name: str, format_: str) -> str:
    """Return the header that names a downloaded file."""
    safe = "".join(c if c.isalnum() else "-" for c in name).strip("-") or "export"
    return content_disposition_header(True, f"{safe}.{format_}") or "attachment"


class Line:
    """What the csv module writes to: the line is what `write` returns."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def escape_formula(value: object) -> object:
    """Return a value that no spreadsheet runs as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _csv(table: Table) -> Iterator[str]:
    writer = csv.writer(Line())
    yield BYTE_ORDER_MARK + writer.writerow([*table.columns, "source"])
    for chunk in chunks(table.rows, ROWS):
        yield "".join(writer.writerow(map(escape_formula, (*r, table.source))) for r in chunk)


def _json(table: Table) -> Iterator[str]:
    yield f'{{"source": {json.dumps(table.source, ensure_ascii=False)}, "rows": ['
    separator = "\n"
    for row in table.rows:
        fields = dict(zip(table.columns, row, strict=True))
        yield separator + json.dumps(fields, ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n"


def _parquet(table: Table) -> Iterator[bytes]:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise FormatUnavailable(NO_PYARROW) from error
    kinds = {"text": pa.string(), "whole": pa.int64(), "share": pa.float64()}
    schema = pa.schema(
        [(name, kinds[kind]) for name, kind in table.columns.items()],
        metadata={"source": table.source},
    )
    return _row_groups(table, schema, ParquetWriter)


def _row_groups(table: Table, schema: Any, writer_class: Any) -> Iterator[bytes]:
    """Write a row group for each chunk of rows, and pass on what stands in the buffer."""
    buffer = _Buffer()
    with writer_class(buffer, schema) as writer:
        for chunk in chunks(table.rows, ROWS):
            rows = [dict(zip(table.columns, row, strict=True)) for row in chunk]
            writer.write_batch(_batch(rows, schema))
            yield buffer.take()
    yield buffer.take()


def _batch(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(rows, schema=schema)


class _Buffer(BytesIO):
    """Bytes that are taken out while more are written; the position counts all of them."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0

    def tell(self) -> int:
        return self._taken + super().tell()

    def take(self) -> bytes:
        """Return what was written since the last call."""
        part = self.getvalue()
        self._taken += len(part)
        self.seek(0)
        self.truncate()
        return part

    def close(self) -> None:
        """Stay open: the writer closes its file before the last part is taken."""
