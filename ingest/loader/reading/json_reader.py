"""Rows of JSON: one object a line, an array of objects, or objects one after another."""

import json
import re
from collections.abc import Iterator
from io import TextIOWrapper
from typing import Any, TextIO

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.compression import OpenedFile
from ingest.loader.reading.dates import Dates
from ingest.loader.reading.files import CHUNK_BYTES, CorruptFile
from ingest.loader.reading.rows import MAX_ROW_BYTES, Row, blank_row, post_row, problem_row

# The start of a file in which objects do not end with their line.
ARRAY_OR_OBJECT = re.compile(rb"\s*(\[\s*([{\]]|$)|\{\s*\n)")
START_BYTES = 256
BLANKS = " \t\r\n\x1e\ufeff"  # also the separator of JSON text sequences, and the byte order mark

ESCAPED_BYTE = re.compile("[\udc80-\udcff]")  # what is not UTF-8, as Python's "surrogateescape"


def is_by_line(file: OpenedFile) -> bool:
    """Return whether the start of a file of JSON looks like one object a line."""
    start = file.stream.peek(START_BYTES)[:START_BYTES].removeprefix(b"\xef\xbb\xbf")
    return not ARRAY_OR_OBJECT.match(start)


def json_line_rows(file: OpenedFile, columns: Columns, dates: Dates) -> Iterator[Row]:
    """Yield the rows of JSON lines."""
    for number, line in enumerate(_lines(file), 1):
        yield _of_line(number, file.offset, line, columns, dates)


def json_rows(path: str, file: OpenedFile, columns: Columns, dates: Dates) -> Iterator[Row]:
    """
    Yield the rows of an array of objects, or of objects one after another.

    Raises:
        CorruptFile: what follows a row is not JSON, so no further row can be found.
    """
    with TextIOWrapper(file.stream, "utf-8", errors="surrogateescape") as text:
        number = 0
        try:
            for number, item in enumerate(_Values(text).items(), 1):
                if ESCAPED_BYTE.search(json.dumps(item, ensure_ascii=False)):
                    yield problem_row(number, file.offset, "is not UTF-8", json.dumps(item))
                else:
                    yield _of_item(number, file.offset, item, columns, dates)
        except (ValueError, RecursionError) as error:
            raise CorruptFile(f"{path}: no JSON after row {number}: {error}") from error


def _lines(file: OpenedFile) -> Iterator[bytes | None]:
    """Yield lines; None for one that is too long, without keeping it in memory."""
    while line := file.stream.readline(MAX_ROW_BYTES + 1):
        yield line if len(line) <= MAX_ROW_BYTES else None
        while line and len(line) > MAX_ROW_BYTES and not line.endswith(b"\n"):
            line = file.stream.readline(MAX_ROW_BYTES + 1)


def _of_line(number: int, offset: int, line: bytes | None, columns: Columns, dates: Dates) -> Row:
    if line is None:
        return problem_row(number, offset, f"is longer than {MAX_ROW_BYTES} bytes")
    if not line.strip():
        return blank_row(number, offset)
    try:
        item = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return problem_row(number, offset, "is not UTF-8", line.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        return problem_row(number, offset, f"is not JSON: {error}", line.decode())
    return _of_item(number, offset, item, columns, dates)


def _of_item(number: int, offset: int, item: Any, columns: Columns, dates: Dates) -> Row:
    if not isinstance(item, dict):
        return problem_row(number, offset, "is no JSON object", json.dumps(item))
    return post_row(number, offset, columns.of_object(item), dates)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


class _Values:
    """The values of a text in JSON, of which a piece at a time is in memory."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._decoder = json.JSONDecoder(parse_constant=_refuse_constant)
        self._buffer = ""

    def items(self) -> Iterator[Any]:
        """
        Yield the elements of an array, or values one after another.

        Raises:
            ValueError: the text is not JSON, ends inside of it, or a value is too long.
        """
        if self._take("["):
            if not self._take("]"):
                yield self._value()
                while self._take(","):
                    yield self._value()
                self._expect("]")
            self._expect("")
        while self._peek():
            yield self._value()

    def _value(self) -> Any:
        """Decode the next value, with more of the text until it is whole."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer)
            except json.JSONDecodeError:
                if len(self._buffer) > MAX_ROW_BYTES or not self._read():
                    raise
                continue
            if end == len(self._buffer) and self._read():
                continue  # a number may go on
            self._buffer = self._buffer[end:]
            return value

    def _peek(self) -> str:
        """Return the next character that is not blank; nothing at the end."""
        self._buffer = self._buffer.lstrip(BLANKS)
        while not self._buffer and self._read():
            self._buffer = self._buffer.lstrip(BLANKS)
        return self._buffer[:1]

    def _take(self, character: str) -> bool:
        """Skip a character if it is the next one."""
        found = self._peek() == character
        self._buffer = self._buffer[found:]
        return found

    def _expect(self, character: str) -> None:
        if not self._peek() == character:
            raise ValueError(f"{self._peek() or 'the end'!r} instead of {character or 'the end'!r}")
        self._take(character)

    def _read(self) -> bool:
        """Double the text in memory; False at its end."""
        more = self._text.read(max(CHUNK_BYTES, len(self._buffer)))
        self._buffer += more
        return bool(more)
