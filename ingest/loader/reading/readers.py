"""Read the rows of a file in any format."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.compression import open_decompressed, plain_suffix
from ingest.loader.reading.csv_reader import Dialect, csv_rows
from ingest.loader.reading.dates import Dates
from ingest.loader.reading.encoding import as_utf_8
from ingest.loader.reading.files import STDIN, CorruptFile, name_of
from ingest.loader.reading.json_reader import is_by_line, json_line_rows, json_rows
from ingest.loader.reading.parquet_reader import parquet_rows
from ingest.loader.reading.rows import Notify, Row

FORMATS = {
    **dict.fromkeys((".jsonl", ".ndjson", ".jl", ".json"), "json"),
    **dict.fromkeys((".csv", ".tsv", ".tab"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
}


@dataclass(frozen=True)
class RowReader:
    """How a file is read; without a format, by the file's name."""

    columns: Columns
    format: str | None = None
    dialect: Dialect = field(default_factory=Dialect)
    dates: Dates = field(default_factory=Dates)
    encoding: str | None = None

    def rows(self, path: str, *, notify: Notify) -> Iterator[Row]:
        """
        Yield the rows of a file, of stdin or of a URL.

        Raises:
            CorruptFile: it cannot be read to its end; the rows yielded before are valid.
        """
        if (self.format or FORMATS.get(plain_suffix(name_of(path)))) == "parquet":
            return parquet_rows(path, self.columns, self.dates, notify)
        return self._rows_of_text(path, notify)

    def _rows_of_text(self, path: str, notify: Notify) -> Iterator[Row]:
        with open_decompressed(path) as file:
            format_ = self.format or ("json" if path == STDIN else FORMATS.get(file.suffix))
            if format_ is None:
                raise CorruptFile(f"{path}: the name does not tell the format, so give --format")
            text = as_utf_8(file, self.encoding)
            if format_ == "csv":
                yield from csv_rows(path, text, self.dialect, self.columns, self.dates, notify)
            elif format_ == "jsonl" or (not self.format and is_by_line(text)):
                yield from json_line_rows(text, self.columns, self.dates)
            else:
                yield from json_rows(path, text, self.columns, self.dates)
