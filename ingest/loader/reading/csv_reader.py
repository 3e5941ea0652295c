"""Rows of tables of text. A broken row costs itself only: the rows after it are read again."""

import csv
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, TextIO

from ingest.loader.reading.columns import Columns
from ingest.loader.reading.compression import OpenedFile
from ingest.loader.reading.dates import Dates
from ingest.loader.reading.files import CorruptFile
from ingest.loader.reading.rows import MAX_ROW_BYTES, Notify, Row, blank_row, post_row, problem_row

# What a quote at the beginning of a cell means, by the value of --quotes.
QUOTES: dict[str, dict[str, Any]] = {
    "csv": {"strict": True},
    "backslash": {"strict": True, "doublequote": False, "escapechar": "\\"},
    "none": {"quoting": csv.QUOTE_NONE},
}
EXCEL_DELIMITER = "sep="
DELIMITERS = ",\t;|"  # tried in this order
# They occur in sentences, so a line of prose may have as many as a row.
DELIMITERS_OF_PROSE = ",; "

IF_TEXT = "if quotes are text, give --quotes none"
OR_NOT_TEXT = f"{IF_TEXT}, else --quotes csv"
WAYS = (
    "--column names them, --delimiter parts them, --header is for files whose first line does not"
)
LOST = f"follows a row with a broken quote, and may be a part of it: {IF_TEXT}"


@dataclass(frozen=True)
class Dialect:
    """
    How a table of text is written.

    Args:
        delimiter: between cells; None for the one that finds the columns of a post.
        quotes: a key of QUOTES. None is "csv", and distrusts a quote that encloses whole rows.
        header: the names of the columns, for files whose first line has none.
    """

    delimiter: str | None = None
    quotes: str | None = None
    header: Sequence[str] = ()


def csv_rows(
    path: str, file: OpenedFile, dialect: Dialect, columns: Columns, dates: Dates, notify: Notify
) -> Iterator[Row]:
    """
    Yield the rows of a table of text.

    Raises:
        CorruptFile: its columns are not those of a post.
    """

    def say(sentence: str) -> None:
        notify(f"{path}: {sentence}")

    csv.field_size_limit(MAX_ROW_BYTES)
    with TextIOWrapper(file.stream, "utf-8-sig", errors="surrogateescape", newline="") as text:
        lines = _Lines(text)
        is_tsv = file.suffix in (".tsv", ".tab")
        delimiter, header = _find_header(lines, dialect, columns, is_tsv=is_tsv, say=say)
        check_header(path, header, columns, notify, ways=f" ({WAYS})")
        records = _Records(lines, dialect, delimiter, len(header), say)
        for number, record in enumerate(records, 1):
            if isinstance(record, _Broken):
                yield problem_row(number, file.offset, record.problem, record.text)
            elif not record:
                yield blank_row(number, file.offset)
            else:
                cells = dict(zip(header, record, strict=True))
                yield post_row(number, file.offset, columns.of_table(cells), dates)


def check_header(
    path: str, header: Sequence[str], columns: Columns, notify: Notify, *, ways: str = ""
) -> None:
    """Refuse a table without the columns of a post, and report the columns left out."""
    if missing := columns.missing(header):
        found = ", ".join(header) or "none"
        raise CorruptFile(f"{path}: no column {' or '.join(missing)}, only: {found}{ways}")
    unused = columns.left_out(header)
    name, times = Counter(name for name in header if name not in unused).most_common(1)[0]
    if times > 1:
        raise CorruptFile(f"{path}: {times} columns have the name {name}")
    if unused:
        notify(f"{path}: columns left out: {', '.join(name or '(no name)' for name in unused)}")


class _Lines:
    """The lines of a text, which a broken record gives back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.record: list[str] = []  # the lines of the record that is being read

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        # In pieces, so that a file without line ends needs little memory.
        line = self._again.popleft() if self._again else self._text.readline(MAX_ROW_BYTES)
        if not line:
            raise StopIteration
        self.record.append(line)
        return line

    def give_back(self) -> None:
        """Read all lines of the record once more."""
        self._again.extendleft(reversed(self.record))
        self.record = []

    def skip_line(self) -> str:
        """Return the start of the record's first line, and read the lines after it once more."""
        self.give_back()
        first = line = next(self)
        while not line.endswith(("\n", "\r")):
            self.record.clear()
            line = next(self, "\n")
        return first.rstrip("\r\n")


def _find_header(
    lines: _Lines, dialect: Dialect, columns: Columns, *, is_tsv: bool, say: Notify
) -> tuple[str, Sequence[str]]:
    """Return the delimiter and the names of the columns, and skip a line that has the names."""
    of_excel = _skip_preamble(lines)
    delimiters = dialect.delimiter or of_excel or ("\t" if is_tsv else "") + DELIMITERS
    first = {delimiter: _first_cells(lines, dialect, delimiter) for delimiter in delimiters}
    named = [each for each in first if not columns.missing(first[each])]
    if not named and dialect.header:
        fitting = [each for each in first if len(first[each]) == len(dialect.header)]
        return [*fitting, delimiters[0]][0], dialect.header
    delimiter = [*named, delimiters[0]][0]
    if named:
        next(_reader(lines, dialect, delimiter))
    if dialect.header:
        say("the first line names the columns, so they have these names")
    if delimiter != delimiters[0]:
        say(f"the delimiter is {delimiter!r}")
    return delimiter, first[delimiter]


def _skip_preamble(lines: _Lines) -> str | None:
    """Skip empty lines and Excel's "sep=;" before a table, and return the delimiter it names."""
    delimiter = None
    for line in lines:
        text = line.rstrip("\r\n")
        if text and not text.startswith(EXCEL_DELIMITER):
            lines.give_back()
            break
        delimiter = text.removeprefix(EXCEL_DELIMITER)[:1] or delimiter
        lines.record.clear()
    return delimiter


def _first_cells(lines: _Lines, dialect: Dialect, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(_reader(lines, dialect, delimiter), [])]
    except csv.Error:
        return []
    finally:
        lines.give_back()


def _reader(lines: _Lines, dialect: Dialect, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, **QUOTES[dialect.quotes or "csv"])


@dataclass(frozen=True)
class _Broken:
    """A record that is no row of the table, and the start of its text."""

    problem: str
    text: str


class _Records:
    """
    The records of a table after its header: their cells, of which an empty line has none.

    A lone quote encloses the rows after it. So a broken record is its first line only, and the
    lines after it are read again. They may also be the rest of an article, in which a line has as
    many commas as a row. So in a CSV they are refused until a record is beyond doubt.
    """

    def __init__(
        self, lines: _Lines, dialect: Dialect, delimiter: str, width: int, say: Notify
    ) -> None:
        self._lines = lines
        self._reader = _reader(lines, dialect, delimiter)
        self._delimiter = delimiter
        self._width = width
        self._named_by = "--header" if dialect.header else "the first line"
        self._trusts_quotes = dialect.quotes is not None
        self._has_delimiters_of_prose = delimiter in DELIMITERS_OF_PROSE
        self._lost = False
        self._say = say

    def __iter__(self) -> Iterator[list[str] | _Broken]:
        while True:
            self._lines.record.clear()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._broken(error)
            else:
                yield self._judged(cells)

    def _broken(self, error: csv.Error) -> _Broken:
        if str(error).startswith("field larger"):
            return _Broken(f"is not CSV: {error}", self._lines.skip_line())
        at_end = str(error) == "unexpected end of data"
        problem = "has a quote that never ends" if at_end else "has text after a closing quote"
        return self._broken_quote(f"{problem}: {IF_TEXT}")

    def _broken_quote(self, problem: str) -> _Broken:
        self._lost = self._has_delimiters_of_prose
        return _Broken(problem, self._lines.skip_line())

    def _judged(self, cells: list[str]) -> list[str] | _Broken:
        text = self._delimiter.join(cells)
        is_one_line = len(self._lines.record) == 1
        if not cells:
            return cells
        if max(map(len, self._lines.record)) >= MAX_ROW_BYTES:
            return _Broken(f"is longer than {MAX_ROW_BYTES} characters", self._lines.skip_line())
        if self._lost and not self._is_beyond_doubt(cells):
            return _Broken(LOST, self._lines.skip_line())
        self._lost = False
        if len(cells) != self._width:
            problem = f"has {len(cells)} cells, but {self._named_by} names {self._width}"
            return _Broken(problem, text) if is_one_line else self._broken_quote(problem)
        if not is_one_line and not self._trusts_quotes and self._holds_rows(cells):
            if not self._has_delimiters_of_prose:
                return self._broken_quote(f"has a quote that encloses rows: {OR_NOT_TEXT}")
            self._trusts_quotes = True  # to say it once is enough
            self._say(f"a quote encloses lines that look like rows ({text[:40]!r}…): {IF_TEXT}")
        return cells if text.isascii() or _is_utf_8(text) else _Broken("is not UTF-8", text)

    def _is_beyond_doubt(self, cells: list[str]) -> bool:
        """Return whether a record has the right width, and quotes as a writer of CSV sets them."""
        text = "".join(self._lines.record)
        opened = text.startswith('"') or f'{self._delimiter}"' in text
        return opened and text.count('"') % 2 == 0 and len(cells) == self._width

    def _holds_rows(self, cells: list[str]) -> bool:
        """Return whether a cell encloses lines that look like rows."""
        if self._has_delimiters_of_prose:
            counts = {line.count(self._delimiter) for line in self._lines.record}
            return counts == {self._width - 1} and self._width > 1
        return any(self._delimiter in cell and "\n" in cell for cell in cells)


def _is_utf_8(text: str) -> bool:
    """Return whether a text has no surrogates, which stand for bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
