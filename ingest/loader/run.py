"""One load: files one after the other, over some connections, from where the last run stopped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ingest.client import ApiClient
from ingest.loader.checkpoint import Checkpoint, CheckpointFile
from ingest.loader.compression import STDIN, CorruptFile, size_of
from ingest.loader.console import LoadConsole
from ingest.loader.progress import REFUSED, RowProgress
from ingest.loader.readers import Row, RowReader
from ingest.loader.sender import Backoff, RequestSize, Results, Sender, Settle, sender_of


@dataclass(frozen=True)
class Target:
    """Where posts go, and how."""

    url: str
    key: str
    connections: int
    most: RequestSize

    def client(self) -> ApiClient:
        """Return a client with a connection of its own."""
        return ApiClient(self.url, self.key)


class FileChanged(Exception):
    """The rows are others than those that an earlier run has sent."""


class Load:
    """
    The load of some files.

    Args:
        folder: where journals are, and what was refused.
    """

    def __init__(
        self, paths: Sequence[str], *, form: RowReader, target: Target, folder: Path, pace: Backoff
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.refused: list[Path] = []
        self.resumed = 0  # rows that earlier runs have sent
        self._paths = list(paths)
        self._form = form
        self._target = target
        self._pace = pace
        self._journals = {
            path: CheckpointFile(folder, path=path, url=target.url) for path in dict.fromkeys(paths)
        }
        self._before = 0  # bytes of the files that are through

    def run(self, teller: LoadConsole, *, from_start: bool) -> bool:
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

    def _load_or_begin_again(self, path: str, journal: CheckpointFile, teller: LoadConsole) -> None:
        try:
            self._load(path, journal, journal.read(), teller)
        except FileChanged as error:
            if path == STDIN:
                raise CorruptFile("stdin is not what it was; --from-start sends all") from error
            teller.say(f"{path}: is not what it was when it was loaded in part; from its start")
            self._load(path, journal, Checkpoint(), teller)
        self._before += size_of([path]) or 0

    def _load(
        self, path: str, journal: CheckpointFile, place: Checkpoint, teller: LoadConsole
    ) -> None:
        """Load a file from a place on."""
        rows = _after(place, self._form.rows(path, tell=teller.say))
        first = next(rows, None)  # what has changed is seen here, before anything is written
        if place.rows:
            teller.say(f"{path}: goes on after row {place.rows:,}")
        ledger = RowProgress(journal, place)
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

    def _send(self, rows: Iterable[tuple[Row, bytes]], ledger: RowProgress, settle: Settle) -> None:
        """Send rows over all connections, and wait for their answers."""
        target = self._target
        lanes = [
            Sender(target.client(), self._pace, target.most, settle)
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
        self, rows: Iterable[tuple[Row, bytes]], lanes: Sequence[Sender], ledger: RowProgress
    ) -> None:
        for row, digest in rows:
            if self._pace.stopping.is_set():
                return
            ledger.expect(row, digest, self._pace.stopping)
            if row.post is None:
                ledger.settle_here(row)
            else:
                lanes[sender_of(row, len(lanes))].put(row)


def _after(place: Checkpoint, rows: Iterable[Row]) -> Iterator[tuple[Row, bytes]]:
    """Yield the rows after a place, each with the digest of all up to it."""
    digest = b""
    number = 0
    for number, row in enumerate(rows, 1):
        digest = row.after(digest)
        if number == place.rows and digest.hex() != place.digest:
            raise FileChanged
        if number > place.rows:
            yield row, digest
    if number < place.rows:
        raise FileChanged
