"""Read the rows of a file in any format: each is a post or a problem."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from ingest.loader.columns import Columns
from ingest.loader.compression import (
    STDIN,
    CorruptFile,
    OpenedFile,
    open_decompressed,
    plain_suffix,
    readable,
)

MAX_LINE_BYTES = 10_000_000  # and characters of a cell; no post is as large
PARQUET_BATCH_ROWS = 100  # converted to Python objects together
SAMPLE_CHARACTERS = 1000  # of a row that cannot be read

NO_PYARROW = "Parquet files need another package: pip install -r requirements/parquet.txt"

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """
    One row of a file, numbered from 1.

    Args:
        offset: how many bytes of the file were read for it.
        body: the post as JSON, or the start of a text that is no post.
        problem: why it is no post.
    """

    number: int
    offset: int
    body: bytes
    problem: str = ""
    post: dict[str, Any] | None = None

    @property
    def is_blank(self) -> bool:
        """Whether the row is empty."""
        return not self.body and not self.problem

    def after(self, digest: bytes) -> bytes:
        """Return the digest of all rows up to this one, from that of the rows before it."""
        return blake2b(digest + self.problem.encode() + self.body, digest_size=16).digest()


@dataclass(frozen=True)
class RowReader:
    """How a file is read; without a format, by the file's name."""

    columns: Columns
    format: str | None = None
    delimiter: str | None = None

    def rows(self, path: str, *, notify: Notify) -> Iterator[Row]:
        """
        Yield the rows of a file, or of stdin.

        Raises:
            CorruptFile: it cannot be read to its end; the rows yielded before are valid.
        """
        if self._format(path) == "parquet":
            return _parquet_rows(path, self.columns, notify)
        return self._rows_of_text(path, notify)

    def _rows_of_text(self, path: str, notify: Notify) -> Iterator[Row]:
        with open_decompressed(path) as file:
            if self._format(path) == "jsonl":
                yield from _json_rows(file, self.columns)
                return
            with TextIOWrapper(
                file.stream, "utf-8-sig", errors="surrogateescape", newline=""
            ) as text:
                table = self._table(path, text)
                header = _check_header(path, next(table, []), self.columns, notify)
                yield from _csv_rows(file, table, header, self.columns)

    def _table(self, path: str, text: TextIO) -> Iterator[list[str]]:
        csv.field_size_limit(MAX_LINE_BYTES)
        # In pieces, so that a file without line ends needs little memory.
        lines = iter(lambda: text.readline(MAX_LINE_BYTES), "")
        default = "\t" if plain_suffix(path) == ".tsv" else ","
        return csv.reader(lines, delimiter=self.delimiter or default)

    def _format(self, path: str) -> str:
        known = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}
        known |= {".parquet": "parquet", ".pq": "parquet"}
        format_ = self.format or ("jsonl" if path == STDIN else known.get(plain_suffix(path)))
        if format_ is None:
            raise CorruptFile(f"{path}: the name does not tell the format, so give --format")
        return format_


def _post_row(number: int, offset: int, post: dict[str, Any]) -> Row:
    return Row(number, offset, json.dumps(post).encode(), post=post)


def _problem_row(number: int, offset: int, problem: str, text: str = "") -> Row:
    return Row(number, offset, text[:SAMPLE_CHARACTERS].encode(errors="replace"), problem)


def _json_rows(file: OpenedFile, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(_lines(file), 1):
        yield _json_row(number, file.offset, line, columns)


def _lines(file: OpenedFile) -> Iterator[bytes | None]:
    """Yield lines; None for one that is too long, without keeping it in memory."""
    while line := file.stream.readline(MAX_LINE_BYTES + 1):
        yield line if len(line) <= MAX_LINE_BYTES else None
        while line and len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.stream.readline(MAX_LINE_BYTES + 1)


def _json_row(number: int, offset: int, line: bytes | None, columns: Columns) -> Row:
    if line is None:
        return _problem_row(number, offset, f"is longer than {MAX_LINE_BYTES} bytes")
    if not line.strip():
        return Row(number, offset, b"")
    try:
        item = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return _problem_row(number, offset, "is not UTF-8", line.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        return _problem_row(number, offset, f"is not JSON: {error}", line.decode())
    if not isinstance(item, dict):
        return _problem_row(number, offset, "is no JSON object", line.decode())
    return _post_row(number, offset, columns.of_object(item))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _csv_rows(
    file: OpenedFile, table: Iterator[list[str]], header: Sequence[str], columns: Columns
) -> Iterator[Row]:
    number = 0
    while True:
        number += 1
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield _problem_row(number, file.offset, f"is not CSV: {error}")
        else:
            yield _csv_row(number, file.offset, header, cells, columns)


def _csv_row(
    number: int, offset: int, header: Sequence[str], cells: Sequence[str], columns: Columns
) -> Row:
    if not cells:
        return Row(number, offset, b"")
    if len(cells) != len(header):
        problem = f"has {len(cells)} cells, but the first line names {len(header)}"
        return _problem_row(number, offset, problem, ",".join(cells))
    if not "".join(cells).isascii() and _has_bad_bytes(cells):
        return _problem_row(number, offset, "is not UTF-8", ",".join(cells))
    return _post_row(number, offset, columns.of_table(dict(zip(header, cells, strict=True))))


def _has_bad_bytes(cells: Sequence[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return True
    return False


def _parquet_rows(path: str, columns: Columns, notify: Notify) -> Iterator[Row]:
    with _parquet(path) as (parquet, size):
        header = _check_header(path, list(parquet.schema_arrow.names), columns, notify)
        unused = columns.left_out(header)
        wanted = [name for name in header if name not in unused]
        total = max(1, parquet.metadata.num_rows)
        number = 0
        for batch in parquet.iter_batches(PARQUET_BATCH_ROWS, columns=wanted):
            for cells in batch.to_pylist():
                number += 1
                yield _post_row(number, size * number // total, columns.of_table(cells))


@contextmanager
def _parquet(path: str) -> Iterator[tuple[Any, int]]:
    """Open a Parquet file, and yield it with its size in bytes."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError as error:
        raise CorruptFile(NO_PYARROW) from error
    if path == STDIN:
        raise CorruptFile("Parquet is read from its end, so it must be a file, not stdin")
    with readable(path):
        size = Path(path).stat().st_size
        try:
            # Without pre_buffer, PyArrow reads pages instead of a whole row group.
            with ParquetFile(path, pre_buffer=False, buffer_size=1 << 16) as parquet:
                yield parquet, size
        except ArrowException as error:
            raise CorruptFile(f"{path}: {error}") from error


def _check_header(path: str, header: list[str], columns: Columns, notify: Notify) -> list[str]:
    """Refuse a table without the columns of a post, and report the columns left out."""
    if missing := columns.missing(header):
        found = ", ".join(header) or "none"
        raise CorruptFile(f"{path}: no column {' or '.join(missing)}, only: {found}")
    if unused := columns.left_out(header):
        notify(f"{path}: columns left out: {', '.join(unused)}")
    return header
