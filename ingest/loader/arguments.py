"""The arguments of the command line, and the reader of files that they describe."""

import codecs
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingest.core.posts import Priority
from ingest.loader import environment
from ingest.loader.reading.columns import FIELDS, REQUIRED, Columns
from ingest.loader.reading.csv_reader import QUOTES, Dialect
from ingest.loader.reading.dates import UNITS, Dates, is_date_format
from ingest.loader.reading.files import STDIN
from ingest.loader.reading.presets import PRESETS, Preset
from ingest.loader.reading.readers import RowReader

HELP = "Load posts from JSON, CSV or Parquet files, stdin or URLs, through the API."
EPILOG = """
If a load was stopped or killed, the same command continues where it ended. The first Ctrl-C waits
for the requests in flight, the second stops at once. The exit status is 0 if every row was
accepted, 1 if a row was refused or the load failed, and 130 after Ctrl-C.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command line."""
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help=f"may be compressed, or a URL; {STDIN}: stdin")
    add("--url", default=environment.URL, help="URL of the server; else INGEST_URL (%(default)s)")
    add(
        "--key",
        default=environment.KEY,
        help="API key; else INGEST_KEY, or the file that INGEST_KEY_FILE names. `ps` shows --key",
    )
    add("--like", choices=sorted(PRESETS), help="read a well-known collection of news")
    add(
        "--all-the-news",
        dest="like",
        action="store_const",
        const="all-the-news-2",
        help="the same as --like all-the-news-2",
    )
    add(
        "--column",
        action="append",
        default=[],
        type=_column,
        metavar="FIELD=COLUMN",
        help="the column of a field; of several, the first that is not empty counts",
    )
    add("--publication", metavar="NAME", help="publication of rows that name none")
    add(
        "--priority",
        choices=get_args(Priority),
        default="bulk",
        help="live posts overtake bulk posts (%(default)s)",
    )
    add("--only-fields", action="store_true", help="leave out names that are no field of a post")
    add("--connections", type=_positive, default=4, help="connections to the server (%(default)s)")
    add("--batch-posts", type=_positive, default=100, help="most posts a request (%(default)s)")
    add(
        "--batch-bytes",
        type=_positive,
        default=1_000_000,
        help="most bytes a request (%(default)s)",
    )
    add("--from-start", action="store_true", help="ignore the checkpoint of the last load")
    add(
        "--patience",
        type=_positive,
        default=600,
        help="give up after so many seconds without an answer (%(default)s)",
    )
    add("--wait", action="store_true", help="return only when the queues are empty")
    add("--json", action="store_true", help="print the summary as one line of JSON")
    add(
        "--folder",
        type=Path,
        default=environment.FOLDER,
        help="folder of checkpoints and refused rows (%(default)s)",
    )
    _add_arguments_of_formats(parser)


def _add_arguments_of_formats(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("how files are written").add_argument
    add("--format", choices=("json", "jsonl", "csv", "parquet"), help="else by the file's name")
    add("--encoding", type=_encoding, help="of text (default: UTF-8, or UTF-16 by its first bytes)")
    add("--delimiter", type=_delimiter, help=r"between the cells of CSV, such as ';' or '\t'")
    add(
        "--quotes",
        choices=sorted(QUOTES),
        help="whether a quote that begins a cell of CSV encloses it, with quotes in it "
        "doubled (csv, the default) or after a backslash, or is text (none)",
    )
    add(
        "--header",
        type=_header,
        default=(),
        metavar="NAME,NAME...",
        help="the columns of CSV whose first line does not name them",
    )
    add("--zone", type=_zone, default=ZoneInfo("UTC"), help="of dates without one (%(default)s)")
    add(
        "--date-format",
        type=_date_format,
        metavar="FORMAT",
        help=f"of dates: as strptime's, such as '%%m/%%d/%%Y', or {' or '.join(UNITS)}",
    )


def reader_of(options: Namespace) -> RowReader:
    """Return the reader of files that a command line describes."""
    preset = PRESETS[options.like] if options.like else Preset({})
    own: dict[str, list[str]] = {}
    for name, column in options.column:
        own.setdefault(name, []).append(column)
    columns = Columns(
        {**preset.columns, **own},
        options.publication or preset.publication,
        only_fields=options.only_fields or options.like is not None,
        needed=(*REQUIRED, *own),
    )
    dialect = Dialect(
        options.delimiter, options.quotes or preset.quotes, options.header or preset.header
    )
    dates = Dates(options.zone, options.date_format)
    return RowReader(columns, options.format, dialect, dates, options.encoding)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _column(text: str) -> tuple[str, str]:
    name, _, column = text.partition("=")
    if name not in FIELDS or not column:
        raise ArgumentTypeError(f"{text!r} is not FIELD=COLUMN, with one of {', '.join(FIELDS)}")
    return name, column


def _delimiter(text: str) -> str:
    delimiter = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise ArgumentTypeError(rf"{text!r} is not one character; '\t' is a tab")
    return delimiter


def _header(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ArgumentTypeError(f"{text!r} is no time zone, such as Europe/Berlin") from None


def _date_format(text: str) -> str:
    if text not in UNITS and not is_date_format(text):
        units = ", ".join(UNITS)
        raise ArgumentTypeError(
            f"{text!r} is not {units}, or a format of strptime with a year (and %z, not %Z)"
        )
    return text


def _encoding(text: str) -> str:
    try:
        "a".encode(codecs.lookup(text).name)
    except (LookupError, UnicodeError):
        raise ArgumentTypeError(f"{text!r} is no encoding, such as windows-1252") from None
    return text
