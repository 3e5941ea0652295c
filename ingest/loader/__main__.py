"""
Load posts from files, through the API of this host or another.

    manage.py load_posts FILE...       python -m ingest.loader FILE...

It is a client: it reads no setting of a server, and needs neither its database nor its broker.
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
POLL_SECONDS = 0.5  # seconds between two looks at what is on its way

HELP = "Load posts from JSON lines, CSV or Parquet files, or stdin, through the API."
AFTER = """
A run that was stopped, or killed, goes on where it was when it is started again. The status is 0
when every row was accepted, 1 when some were refused or the load did not come to its end, and 130
after Ctrl-C, of which the first lets the requests end that are on their way.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Say what the command line may hold."""
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help=f"also packed with gzip or zstd; {STDIN}: stdin")
    add("--url", default=environment.URL, help="of the host; else INGEST_URL (%(default)s)")
    add("--key", default=environment.KEY, help="else INGEST_KEY, which `ps` does not show")
    add("--format", choices=("jsonl", "csv", "parquet"), help="else as the file's name says")
    add("--all-the-news", action="store_true", help='columns as in the CSV "All the News 2.0"')
    add("--column", action="append", default=[], type=_column, metavar="FIELD=COLUMN")
    add("--publication", metavar="NAME", help="of rows that name none")
    add("--only-fields", action="store_true", help="leave out what is no field of a post")
    add("--delimiter", help="between the cells of CSV; else a comma, or a tab in .tsv")
    add("--connections", type=_whole, default=4, help="(%(default)s)")
    add("--batch-posts", type=_whole, default=100, help="posts a request (%(default)s)")
    add("--batch-bytes", type=_whole, default=1_000_000, help="bytes a request (%(default)s)")
    add("--from-start", action="store_true", help="forget where the last run stopped")
    add("--patience", type=_whole, default=600, help="seconds without an answer (%(default)s)")
    add("--wait", action="store_true", help="return when the queues are empty")
    add("--json", action="store_true", help="print the summary as one line of JSON")
    add("--folder", type=Path, default=environment.FOLDER, help="of journals (%(default)s)")


def _whole(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _column(text: str) -> tuple[str, str]:
    name, _, column = text.partition("=")
    if name not in FIELDS or not column:
        raise ArgumentTypeError(f"{text!r} is not FIELD=COLUMN, with one of {', '.join(FIELDS)}")
    return name, column


def run(options: Namespace) -> int:
    """Do the load that the command line asks for, and return the exit status."""
    pace = Backoff(patience=options.patience)
    _stop_by_signal(pace)
    try:
        return _load(options, pace)
    except (ApiError, FatalError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _load(options: Namespace, pace: Backoff) -> int:
    began = time.monotonic()
    client = ApiClient(options.url, options.key)
    target = _target(client, options)
    load = Load(
        options.files, form=_format(options), target=target, folder=options.folder, pace=pace
    )
    status = _run(load, options, LoadConsole(size_of(options.files)))
    for path in load.refused:
        print(f"refused rows, each with its reasons: {path}", file=sys.stderr)
    while status == 0 and options.wait and not pace.stopping.wait(POLL_SECONDS):
        if client.status()["empty"]:
            break
    _summarize(load, client, seconds=time.monotonic() - began, as_json=options.json)
    return status or (1 if load.counts[REFUSED] else 0)


def _run(load: Load, options: Namespace, teller: LoadConsole) -> int:
    """Load until the end, or until somebody or something stops it; return the exit status."""
    try:
        with teller:
            whole = load.run(teller, from_start=options.from_start)
    except (AlreadyRunning, CorruptFile, FatalError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not whole:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    return 0


def _target(client: ApiClient, options: Namespace) -> Target:
    """Ask the host what a request may bring, and so whether it is one and the key is valid."""
    if not options.key:
        raise FatalError("no key: --key or INGEST_KEY has to name one (manage.py api_key create)")
    try:
        limits = client.limits()
    except ApiError as error:
        detail = error.problem.get("detail") or f"this is no API of ingest; {error}"
        raise FatalError(f"{options.url}: {error.status}, {detail}") from error
    except requests.RequestException as error:
        raise FatalError(f"{options.url} does not answer: {error}") from error
    most = RequestSize(
        min(options.batch_posts, limits["posts"]), min(options.batch_bytes, limits["body_bytes"])
    )
    return Target(options.url, options.key, options.connections, most)


def _format(options: Namespace) -> RowReader:
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


def _stop_by_signal(pace: Backoff) -> None:
    """Let the first Ctrl-C or SIGTERM end the load in order, and the second at once."""

    def stop(*_: object) -> None:
        pace.stopping.set()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)


def main(arguments: Sequence[str] | None = None, *, name: str = "python -m ingest.loader") -> int:
    """Read the command line, and load."""
    parser = ArgumentParser(
        name, description=HELP, epilog=AFTER, formatter_class=RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
