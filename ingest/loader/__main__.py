"""
Load posts from files, through the API of this host or another.

    ingest load FILE...       python -m ingest.loader FILE...

It is a client. It reads no setting of a server, and needs neither its database nor its broker.
"""

import json
import signal
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

import requests

from ingest.client import ApiClient, ApiError
from ingest.client.answers import ApiLimits
from ingest.loader.arguments import EPILOG, HELP, add_arguments, reader_of
from ingest.loader.checkpoint import AlreadyRunning
from ingest.loader.console import LoadConsole, print_summary
from ingest.loader.progress import ACCEPTED, DUPLICATE, REFUSED
from ingest.loader.reading.files import CorruptFile, size_of
from ingest.loader.run import Load, Target
from ingest.loader.sender import Backoff, FatalError, RequestSize, Stopped
from ingest.process.installation import PROGRAM

INTERRUPTED = 128 + signal.SIGINT
POLL_SECONDS = 0.5  # between two looks at the queues
SUMMARY_PATIENCE_SECONDS = 60  # for the status, which a load that is done can do without


def run(options: Namespace) -> int:
    """Run the load of a command line, and return the exit status."""
    backoff = Backoff(timeout_seconds=options.patience)
    _stop_by_signal(backoff)
    try:
        return _load(options, backoff)
    except (ApiError, FatalError, OSError) as error:
        _say(str(error))
        return 1
    except Stopped:
        return INTERRUPTED


def _load(options: Namespace, backoff: Backoff) -> int:
    began = time.monotonic()
    client = ApiClient(options.url, options.key)
    target = _target(client, options, backoff)
    load = Load(
        options.files,
        reader=reader_of(options),
        target=target,
        folder=options.folder,
        backoff=backoff,
    )
    status = _run(load, options, LoadConsole(size_of(options.files)))
    for path in load.refused:
        _say(f"refused rows and their errors: {path}")
    if status == 0 and options.wait:
        status = _await_empty(client, backoff)
    _summarize(load, client, backoff, seconds=time.monotonic() - began, as_json=options.json)
    return status or (1 if load.counts[REFUSED] else 0)


def _await_empty(client: ApiClient, backoff: Backoff) -> int:
    """Wait until the queues are empty, also while the server cannot say so; return the status."""
    try:
        while not backoff.ask(client.status, say=_say)["empty"]:
            if backoff.stopping.wait(POLL_SECONDS):
                return INTERRUPTED
    except Stopped:
        return INTERRUPTED
    except FatalError as error:
        _say(str(error))
        return 1
    return 0


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _run(load: Load, options: Namespace, console: LoadConsole) -> int:
    """Load until the end, a signal or an error, and return the exit status."""
    try:
        with console:
            finished = load.run(console, from_start=options.from_start)
    except (AlreadyRunning, CorruptFile, FatalError, OSError) as error:
        _say(str(error))
        return 1
    if not finished:
        _say("stopped: the same command continues from here")
        return INTERRUPTED
    return 0


def _target(client: ApiClient, options: Namespace, backoff: Backoff) -> Target:
    """Read the limits of a request, which also checks the URL and the key."""
    if not options.key:
        raise FatalError(
            f"no key: set INGEST_KEY or INGEST_KEY_FILE, or give --key ({PROGRAM} api_key create)"
        )

    def limits_or_fail() -> ApiLimits:
        try:
            return client.limits()
        except requests.RequestException as error:
            raise FatalError(f"{options.url} does not answer: {error}") from error

    try:
        limits = backoff.ask(limits_or_fail, say=_say)
    except FatalError as error:
        if not isinstance(error.__cause__, ApiError):
            raise
        cause = error.__cause__
        detail = cause.problem.get("detail") or f"this is no API of ingest ({cause})"
        raise FatalError(f"{options.url}: {cause.status}, {detail}") from error
    max_request = RequestSize(
        min(options.batch_posts, limits["posts"]), min(options.batch_bytes, limits["body_bytes"])
    )
    return Target(options.url, options.key, options.connections, max_request, options.priority)


def _summarize(
    load: Load, client: ApiClient, backoff: Backoff, *, seconds: float, as_json: bool
) -> None:
    counts: dict[str, Any] = {
        "rows": sum(load.counts[name] for name in (ACCEPTED, DUPLICATE, REFUSED)),
        **{name: load.counts[name] for name in (ACCEPTED, DUPLICATE, REFUSED)},
        "of_earlier_runs": load.resumed,
        "seconds": round(seconds, 1),
    }
    try:
        status = backoff.ask(client.status, say=_say, seconds=SUMMARY_PATIENCE_SECONDS)
    except (FatalError, Stopped) as error:
        _say(f"the status cannot be read: {error}")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, and run the load."""
    parser = ArgumentParser(
        "ingest load", description=HELP, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
