"""The rows of a file, whatever its format: each is a post, or what is wrong with it."""

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

MAX_LINE_BYTES = 10_000_000  # bytes of a line, and characters of a cell; no post is as large
PARQUET_BATCH_ROWS = 100  # that are made into Python's objects together
SAMPLE_CHARACTERS = 1000  # characters of what could not be read

NO_PYARROW = "Parquet files need one package more: pip install -r requirements/parquet.txt"

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """
    One row of a file, numbered from 1.

    Args:
        at: how far the file was read when it came.
        body: the post as JSON, or what was there instead.
        problem: why it is no post.
    """

    number: int
    at: int
    body: bytes
    problem: str = ""
    post: dict[str, Any] | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in it."""
        return not self.body and not self.problem

    def after(self, digest: bytes) -> bytes:
        """Return the digest of this row and all before it, from that of those."""
        return blake2b(digest + self.problem.encode() + self.body, digest_size=16).digest()


@dataclass(frozen=True)
class RowReader:
    """How a file is read; `name` None: as its name says."""

    columns: Columns
    name: str | None = None
    delimiter: str | None = None

    def rows(self, path: str, *, tell: Notify) -> Iterator[Row]:
        """
        Yield the rows of a file, or of stdin.

        Raises:
            Damaged: it can't be read, or not to its end; the rows before it are right.
        """
        if self._name(path) == "parquet":
            return _parquet_rows(path, self.columns, tell)
        return self._rows_of_text(path, tell)

    def _rows_of_text(self, path: str, tell: Notify) -> Iterator[Row]:
        with open_decompressed(path) as file:
            if self._name(path) == "jsonl":
                yield from _json_rows(file, self.columns)
                return
            with TextIOWrapper(
                file.stream, "utf-8-sig", errors="surrogateescape", newline=""
            ) as text:
                table = self._table(path, text)
                header = _check_header(path, next(table, []), self.columns, tell)
                yield from _csv_rows(file, table, header, self.columns)

    def _table(self, path: str, text: TextIO) -> Iterator[list[str]]:
        csv.field_size_limit(MAX_LINE_BYTES)
        # In pieces, so that a file that is no text takes no memory.
        lines = iter(lambda: text.readline(MAX_LINE_BYTES), "")
        by_name = "\t" if plain_suffix(path) == ".tsv" else ","
        return csv.reader(lines, delimiter=self.delimiter or by_name)

    def _name(self, path: str) -> str:
        known = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}
        known |= {".parquet": "parquet", ".pq": "parquet"}
        name = self.name or ("jsonl" if path == STDIN else known.get(plain_suffix(path)))
        if name is None:
            raise CorruptFile(f"{path}: its name does not say what it is; --format does")
        return name


def _good(number: int, at: int, post: dict[str, Any]) -> Row:
    return Row(number, at, json.dumps(post).encode(), post=post)


def _bad(number: int, at: int, problem: str, text: str = "") -> Row:
    return Row(number, at, text[:SAMPLE_CHARACTERS].encode(errors="replace"), problem)


def _json_rows(file: OpenedFile, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(_lines(file), 1):
        yield _json_row(number, file.at, line, columns)


def _lines(file: OpenedFile) -> Iterator[bytes | None]:
    """Yield lines; of one that is too long None, without keeping it."""
    while line := file.stream.readline(MAX_LINE_BYTES + 1):
        yield line if len(line) <= MAX_LINE_BYTES else None
        while line and len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.stream.readline(MAX_LINE_BYTES + 1)


def _json_row(number: int, at: int, line: bytes | None, columns: Columns) -> Row:
    if line is None:
        return _bad(number, at, f"is longer than {MAX_LINE_BYTES} bytes")
    if not line.strip():
        return Row(number, at, b"")
    try:
        item = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return _bad(number, at, "is not UTF-8", line.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        return _bad(number, at, f"is not JSON: {error}", line.decode())
    if not isinstance(item, dict):
        return _bad(number, at, "is no object of JSON", line.decode())
    return _good(number, at, columns.of_object(item))


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
            yield _bad(number, file.at, f"is not CSV: {error}")
        else:
            yield _csv_row(number, file.at, header, cells, columns)


def _csv_row(
    number: int, at: int, header: Sequence[str], cells: Sequence[str], columns: Columns
) -> Row:
    if not cells:
        return Row(number, at, b"")
    if len(cells) != len(header):
        problem = f"has {len(cells)} cells, and the first line names {len(header)}"
        return _bad(number, at, problem, ",".join(cells))
    if not "".join(cells).isascii() and _is_broken(cells):
        return _bad(number, at, "is not UTF-8", ",".join(cells))
    return _good(number, at, columns.of_table(dict(zip(header, cells, strict=True))))


def _is_broken(cells: Sequence[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return True
    return False


def _parquet_rows(path: str, columns: Columns, tell: Notify) -> Iterator[Row]:
    with _parquet(path) as (parquet, size):
        header = _check_header(path, list(parquet.schema_arrow.names), columns, tell)
        unused = columns.left_out(header)
        wanted = [name for name in header if name not in unused]
        total = max(1, parquet.metadata.num_rows)
        number = 0
        for batch in parquet.iter_batches(PARQUET_BATCH_ROWS, columns=wanted):
            for cells in batch.to_pylist():
                number += 1
                yield _good(number, size * number // total, columns.of_table(cells))


@contextmanager
def _parquet(path: str) -> Iterator[tuple[Any, int]]:
    """Open a Parquet file, and return it with its size."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError as error:
        raise CorruptFile(NO_PYARROW) from error
    if path == STDIN:
        raise CorruptFile("Parquet is read from its end, so it has to be a file, not stdin")
    with readable(path):
        size = Path(path).stat().st_size
        try:
            # Without pre_buffer it reads pages, not a whole group of rows.
            with ParquetFile(path, pre_buffer=False, buffer_size=1 << 16) as parquet:
                yield parquet, size
        except ArrowException as error:
            raise CorruptFile(f"{path}: {error}") from error


def _check_header(path: str, header: list[str], columns: Columns, tell: Notify) -> list[str]:
    """Say which columns are left out, and refuse a table without those that a post needs."""
    if missing := columns.missing(header):
        there = ", ".join(header) or "none"
        raise CorruptFile(f"{path}: no column {' or '.join(missing)}; there are: {there}")
    if unused := columns.left_out(header):
        tell(f"{path}: columns left out: {', '.join(unused)}")
    return header
