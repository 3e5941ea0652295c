"""
Follow publications: read their feeds, and post each new article once through the API.

    python -m ingest.follow FEED...

It is a client. It reads no setting of a server, and needs neither its database nor its broker.
"""

import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.client import ApiClient
from ingest.follow.fetching import Fetcher
from ingest.follow.following import Follower
from ingest.follow.memory import Memory
from ingest.loader import environment
from ingest.loader.sender import Backoff, FatalError, Stopped

LOOK_SECONDS = 5  # between two looks whether a feed is due
PATIENCE_SECONDS = 600  # without an answer of the server


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the feeds of a command line until a signal, or once."""
    options = _parser().parse_args(arguments)
    feeds = [*options.feeds, *_feeds_in(options.list)]
    if not feeds or not options.key:
        print("Name a feed, and set INGEST_KEY or give --key.", file=sys.stderr)
        return 2
    backoff = Backoff(timeout_seconds=PATIENCE_SECONDS)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: backoff.stopping.set())
    try:
        return _follow(feeds, options, backoff)
    except FatalError as error:
        _say(str(error))
        return 1
    except Stopped:
        return 0


def _follow(feeds: Sequence[str], options: Namespace, backoff: Backoff) -> int:
    memory = Memory(options.folder / "follow.sqlite3")
    follower = Follower(
        ApiClient(options.url, options.key),
        memory,
        Fetcher(wait=backoff.stopping.wait),
        backoff,
        publication=options.publication,
        every=options.every,
        say=_say,
    )
    try:
        while not backoff.stopping.is_set():
            if done := follower.round(feeds):
                _say(", ".join(f"{number} {state}" for state, number in sorted(done.items())))
            if options.once:
                return 0
            backoff.stopping.wait(LOOK_SECONDS)
    finally:
        memory.close()
    return 0


def _feeds_in(path: Path | None) -> list[str]:
    """Return the addresses in a file, one a line; a line may be empty or a comment."""
    lines = path.read_text("utf-8").splitlines() if path else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m ingest.follow", description=(__doc__ or "").split("\n")[1]
    )
    add: Any = parser.add_argument
    add("feeds", nargs="*", metavar="FEED", help="address of RSS, Atom or a sitemap")
    add("--list", type=Path, metavar="FILE", help="file with one address a line")
    add("--publication", help="name of the publication; else the title of each feed")
    add("--url", default=environment.URL, help="URL of the server; else INGEST_URL (%(default)s)")
    add("--key", default=environment.KEY, help="API key; else INGEST_KEY or INGEST_KEY_FILE")
    add(
        "--every", type=float, default=900, help="seconds between two looks at a feed (%(default)s)"
    )
    add("--once", action="store_true", help="read every feed that is due once, and end")
    add(
        "--folder",
        type=Path,
        default=environment.FOLDER.parent / "follow",
        help="folder of the memory (%(default)s)",
    )
    return parser


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
