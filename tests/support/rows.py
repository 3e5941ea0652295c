"""What a reader finds in a file."""

from pathlib import Path

from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row


def read_rows(reader: RowReader, path: Path | str) -> tuple[list[Row], list[str]]:
    """Return the rows of a file, and what the reader said about it."""
    said: list[str] = []
    return list(reader.rows(str(path), notify=said.append)), said
