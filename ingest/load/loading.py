"""One load: files one after the other, over some connections, from where the last run stopped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ingest.client import ApiClient
from ingest.load.journal import Journal, Place
from ingest.load.ledger import REFUSED, Ledger
from ingest.load.reading import Format, Row
from ingest.load.sending import Lane, Pace, Request, Results, Settle, lane_of
from ingest.load.telling import Teller
from ingest.load.unpacking import STDIN, Damaged, size_of


@dataclass(frozen=True)
class Target:
    """Where posts go, and how."""

    url: str
    key: str
    connections: int
    most: Request

    def client(self) -> ApiClient:
        """Return a client with a connection of its own."""
        return ApiClient(self.url, self.key)


class Changed(Exception):
    """The rows are others than those that an earlier run has sent."""


class Load:
    """
    The load of some files.

    Args:
        folder: where journals are, and what was refused.
    """

    def __init__(
        self, paths: Sequence[str], *, form: Format, target: Target, folder: Path, pace: Pace
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.refused: list[Path] = []
        self.resumed = 0  # rows that earlier runs have sent
        self._paths = list(paths)
        self._form = form
        self._target = target
        self._pace = pace
        self._journals = {
            path: Journal(folder, path=path, url=target.url) for path in dict.fromkeys(paths)
        }
        self._before = 0  # bytes of the files that are through

    def run(self, teller: Teller, *, from_start: bool) -> bool:
        """
        Send every row, and return whether all were answered, or somebody stopped it before.

        Raises:
            Busy: another process loads one of the files.
            Damaged: a file ends before its end.
            Hopeless: the server will not take them.
        """
        with ExitStack() as held:
            for journal in self._journals.values():
                held.enter_context(journal.held())
                if from_start:
                    journal.forget()
            for path, journal in self._journals.items():
                self._load_or_begin_again(path, journal, teller)
                if self._pace.stopping.is_set():
                    return False
            for journal in self._journals.values():
                journal.forget()
        return True

    def _load_or_begin_again(self, path: str, journal: Journal, teller: Teller) -> None:
        try:
            self._load(path, journal, journal.read(), teller)
        except Changed as error:
            if path == STDIN:
                raise Damaged("stdin is not what it was; --from-start sends all") from error
            teller.say(f"{path}: is not what it was when it was loaded in part; from its start")
            self._load(path, journal, Place(), teller)
        self._before += size_of([path]) or 0

    def _load(self, path: str, journal: Journal, place: Place, teller: Teller) -> None:
        """Load a file from a place on."""
        rows = _after(place, self._form.rows(path, tell=teller.say))
        first = next(rows, None)  # what has changed is seen here, before anything is written
        if place.rows:
            teller.say(f"{path}: goes on after row {place.rows:,}")
        ledger = Ledger(journal, place)
        self.resumed += place.rows

        def settle(some: Sequence[Row], results: Results) -> None:
            ledger.settle(some, results)
            rows = sum(self.counts.values()) + ledger.rows - self.resumed
            at = self._before + ledger.at
            teller.show(path, at=at, rows=rows, note=self._pace.waits_for)

        try:
            if first:
                self._send(chain([first], rows), ledger, settle)
        finally:
            ledger.close()
            self.counts.update(ledger.counts)
            self.refused += [journal.refused] if ledger.counts[REFUSED] else []

    def _send(self, rows: Iterable[tuple[Row, bytes]], ledger: Ledger, settle: Settle) -> None:
        """Send rows over all connections, and wait for their answers."""
        target = self._target
        lanes = [
            Lane(target.client(), self._pace, target.most, settle)
            for _ in range(target.connections)
        ]
        with ThreadPoolExecutor(len(lanes)) as threads:
            running = [threads.submit(lane.run) for lane in lanes]
            try:
                self._deal(rows, lanes, ledger)
            finally:
                for lane in lanes:
                    lane.end()
        for one in running:
            one.result()

    def _deal(
        self, rows: Iterable[tuple[Row, bytes]], lanes: Sequence[Lane], ledger: Ledger
    ) -> None:
        for row, digest in rows:
            if self._pace.stopping.is_set():
                return
            ledger.expect(row, digest, self._pace.stopping)
            if row.post is None:
                ledger.settle_here(row)
            else:
                lanes[lane_of(row, len(lanes))].put(row)


def _after(place: Place, rows: Iterable[Row]) -> Iterator[tuple[Row, bytes]]:
    """Yield the rows after a place, each with the digest of all up to it."""
    digest = b""
    number = 0
    for number, row in enumerate(rows, 1):
        digest = row.after(digest)
        if number == place.rows and digest.hex() != place.digest:
            raise Changed
        if number > place.rows:
            yield row, digest
    if number < place.rows:
        raise Changed
