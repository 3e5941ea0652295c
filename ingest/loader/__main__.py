"""
Load posts from files, through the API of this host or another.

    manage.py load_posts FILE...       python -m ingest.loader FILE...

It is a client. It reads no setting of a server, and needs neither its database nor its broker.
"""

import json
import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from ingest.client import ApiClient, ApiError
from ingest.loader import environment
from ingest.loader.checkpoint import AlreadyRunning
from ingest.loader.columns import ALL_THE_NEWS, FIELDS, Columns
from ingest.loader.compression import STDIN, CorruptFile, size_of
from ingest.loader.console import LoadConsole, print_summary
from ingest.loader.progress import ACCEPTED, DUPLICATE, REFUSED
from ingest.loader.readers import RowReader
from ingest.loader.run import Load, Target
from ingest.loader.sender import Backoff, FatalError, RequestSize

INTERRUPTED = 128 + signal.SIGINT
POLL_SECONDS = 0.5  # between two looks at the queues

HELP = "Load posts from JSON lines, CSV or Parquet files, or stdin, through the API."
EPILOG = """
If a load was stopped or killed, the same command continues where it ended. The first Ctrl-C waits
for the requests in flight, the second stops at once. The exit status is 0 if every row was
accepted, 1 if a row was refused or the load failed, and 130 after Ctrl-C.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command line."""
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help=f"may be packed with gzip or zstd; {STDIN}: stdin")
    add("--url", default=environment.URL, help="URL of the server; else INGEST_URL (%(default)s)")
    add(
        "--key",
        default=environment.KEY,
        help="API key; else INGEST_KEY, or the file that INGEST_KEY_FILE names. `ps` shows --key",
    )
    add("--format", choices=("jsonl", "csv", "parquet"), help="else by the file's name")
    add("--all-the-news", action="store_true", help='use the columns of the CSV "All the News 2.0"')
    add(
        "--column",
        action="append",
        default=[],
        type=_column,
        metavar="FIELD=COLUMN",
        help="the column of a field; may be repeated",
    )
    add("--publication", metavar="NAME", help="publication of rows that name none")
    add("--only-fields", action="store_true", help="leave out names that are no field of a post")
    add("--delimiter", help="between the cells of CSV (default: a comma, or a tab in .tsv)")
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


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _column(text: str) -> tuple[str, str]:
    name, _, column = text.partition("=")
    if name not in FIELDS or not column:
        raise ArgumentTypeError(f"{text!r} is not FIELD=COLUMN, with one of {', '.join(FIELDS)}")
    return name, column


def run(options: Namespace) -> int:
    """Run the load of a command line, and return the exit status."""
    backoff = Backoff(timeout_seconds=options.patience)
    _stop_by_signal(backoff)
    try:
        return _load(options, backoff)
    except (ApiError, FatalError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _load(options: Namespace, backoff: Backoff) -> int:
    began = time.monotonic()
    client = ApiClient(options.url, options.key)
    target = _target(client, options)
    load = Load(
        options.files,
        reader=_reader(options),
        target=target,
        folder=options.folder,
        backoff=backoff,
    )
    status = _run(load, options, LoadConsole(size_of(options.files)))
    for path in load.refused:
        print(f"refused rows and their errors: {path}", file=sys.stderr)
    while status == 0 and options.wait and not backoff.stopping.wait(POLL_SECONDS):
        if client.status()["empty"]:
            break
    _summarize(load, client, seconds=time.monotonic() - began, as_json=options.json)
    return status or (1 if load.counts[REFUSED] else 0)


def _run(load: Load, options: Namespace, console: LoadConsole) -> int:
    """Load until the end, a signal or an error, and return the exit status."""
    try:
        with console:
            finished = load.run(console, from_start=options.from_start)
    except (AlreadyRunning, CorruptFile, FatalError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not finished:
        print("stopped: the same command continues from here", file=sys.stderr)
        return INTERRUPTED
    return 0


def _target(client: ApiClient, options: Namespace) -> Target:
    """Read the limits of a request, which also checks the URL and the key."""
    if not options.key:
        raise FatalError(
            "no key: set INGEST_KEY or INGEST_KEY_FILE, or give --key (manage.py api_key create)"
        )
    try:
        limits = client.limits()
    except ApiError as error:
        detail = error.problem.get("detail") or f"this is no API of ingest ({error})"
        raise FatalError(f"{options.url}: {error.status}, {detail}") from error
    except requests.RequestException as error:
        raise FatalError(f"{options.url} does not answer: {error}") from error
    max_request = RequestSize(
        min(options.batch_posts, limits["posts"]), min(options.batch_bytes, limits["body_bytes"])
    )
    return Target(options.url, options.key, options.connections, max_request)


def _reader(options: Namespace) -> RowReader:
    names = {**(ALL_THE_NEWS if options.all_the_news else {}), **dict(options.column)}
    columns = Columns(names, options.publication, options.only_fields)
    name = options.format or ("csv" if options.all_the_news else None)
    return RowReader(columns, name, options.delimiter)


def _summarize(load: Load, client: ApiClient, *, seconds: float, as_json: bool) -> None:
    counts: dict[str, Any] = {
        "rows": sum(load.counts[name] for name in (ACCEPTED, DUPLICATE, REFUSED)),
        **{name: load.counts[name] for name in (ACCEPTED, DUPLICATE, REFUSED)},
        "of_earlier_runs": load.resumed,
        "seconds": round(seconds, 1),
    }
    try:
        status = client.status()
    except (ApiError, requests.RequestException) as error:
        print(f"the status cannot be read: {error}", file=sys.stderr)
        status = None
    if as_json:
        print(json.dumps({**counts, "status": status}))
    else:
        print_summary(counts, status)


def _stop_by_signal(backoff: Backoff) -> None:
    """Stop after the requests in flight at the first Ctrl-C or SIGTERM, at once at the second."""

    def stop(*_: object) -> None:
        backoff.stopping.set()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)


def main(arguments: Sequence[str] | None = None, *, name: str = "python -m ingest.loader") -> int:
    """Read the command line, and run the load."""
    parser = ArgumentParser(
        name, description=HELP, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
