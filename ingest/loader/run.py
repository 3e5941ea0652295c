"""One load: files one after the other, over several connections, from their checkpoints on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ingest.client import ApiClient
from ingest.loader.checkpoint import Checkpoint, CheckpointFile
from ingest.loader.console import LoadConsole
from ingest.loader.progress import REFUSED, RowProgress
from ingest.loader.reading.files import STDIN, CorruptFile, size_of
from ingest.loader.reading.readers import RowReader
from ingest.loader.reading.rows import Row
from ingest.loader.sender import Backoff, OnResults, RequestSize, Results, Sender, sender_of


@dataclass(frozen=True)
class Target:
    """Where a load sends posts, and how."""

    url: str
    key: str
    connections: int
    max_request: RequestSize
    priority: str | None = None

    def client(self) -> ApiClient:
        """Return a client with a connection of its own."""
        return ApiClient(self.url, self.key, priority=self.priority)


class FileChanged(Exception):
    """The rows are not those that an earlier load has sent."""


class Load:
    """
    The load of some files.

    Args:
        folder: of checkpoints and refused rows.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        reader: RowReader,
        target: Target,
        folder: Path,
        backoff: Backoff,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.refused: list[Path] = []
        self.resumed = 0  # rows that earlier loads have sent
        self._paths = list(paths)
        self._reader = reader
        self._target = target
        self._backoff = backoff
        self._checkpoints = {
            path: CheckpointFile(folder, path=path, url=target.url) for path in dict.fromkeys(paths)
        }
        self._done_bytes = 0  # of the files that are done

    def run(self, console: LoadConsole, *, from_start: bool) -> bool:
        """
        Send every row; return False if a signal stopped the load before.

        Raises:
            AlreadyRunning: another process is loading one of the files.
            CorruptFile: a file cannot be read to its end.
            FatalError: the server refuses the requests for good.
        """
        with ExitStack() as locks:
            for file in self._checkpoints.values():
                locks.enter_context(file.locked())
                if from_start:
                    file.delete()
            for path, file in self._checkpoints.items():
                self._load_or_restart(path, file, console)
                if self._backoff.stopping.is_set():
                    return False
            for file in self._checkpoints.values():
                file.delete()
        return True

    def _load_or_restart(self, path: str, file: CheckpointFile, console: LoadConsole) -> None:
        try:
            self._load(path, file, file.read(), console)
        except FileChanged as error:
            if path == STDIN:
                raise CorruptFile(
                    "stdin or the options have changed since the last load, "
                    "so give --from-start to send all of it"
                ) from error
            console.say(
                f"{path}: other rows than the last load sent, so this one starts at the first. "
                "The file has changed, or the options that say how it is read."
            )
            self._load(path, file, Checkpoint(), console)
        self._done_bytes += size_of([path]) or 0

    def _load(
        self, path: str, file: CheckpointFile, checkpoint: Checkpoint, console: LoadConsole
    ) -> None:
        """Load a file from a checkpoint on."""
        rows = _after(checkpoint, self._reader.rows(path, notify=console.say))
        first = next(rows, None)  # a changed file is found here, before anything is written
        if checkpoint.rows:
            console.say(f"{path}: continues after row {checkpoint.rows:,}")
        progress = RowProgress(file, checkpoint)
        self.resumed += checkpoint.rows

        def on_results(some: Sequence[Row], results: Results) -> None:
            progress.record(some, results)
            rows = sum(self.counts.values()) + progress.rows - self.resumed
            offset = self._done_bytes + progress.offset
            console.show(path, offset=offset, rows=rows, note=self._backoff.reason)

        try:
            if first:
                self._send(chain([first], rows), progress, on_results)
        finally:
            progress.close()
            self.counts.update(progress.counts)
            self.refused += [file.refused] if progress.counts[REFUSED] else []

    def _send(
        self, rows: Iterable[tuple[Row, bytes]], progress: RowProgress, on_results: OnResults
    ) -> None:
        """Send rows over all connections, and wait for their answers."""
        target = self._target
        senders = [
            Sender(target.client(), self._backoff, target.max_request, on_results)
            for _ in range(target.connections)
        ]
        with ThreadPoolExecutor(len(senders)) as threads:
            futures = [threads.submit(sender.run) for sender in senders]
            try:
                self._distribute(rows, senders, progress)
            finally:
                for sender in senders:
                    sender.end()
        for future in futures:
            future.result()

    def _distribute(
        self, rows: Iterable[tuple[Row, bytes]], senders: Sequence[Sender], progress: RowProgress
    ) -> None:
        for row, digest in rows:
            if self._backoff.stopping.is_set():
                return
            progress.expect(row, digest, self._backoff.stopping)
            if row.is_sent:
                senders[sender_of(row, len(senders))].put(row)
            else:
                progress.record_unsent(row)


def _after(checkpoint: Checkpoint, rows: Iterable[Row]) -> Iterator[tuple[Row, bytes]]:
    """Yield the rows after a checkpoint, each with the digest of all rows up to it."""
    digest = b""
    number = 0
    for number, row in enumerate(rows, 1):
        digest = row.after(digest)
        if number == checkpoint.rows and digest.hex() != checkpoint.digest:
            raise FileChanged
        if number > checkpoint.rows:
            yield row, digest
    if number < checkpoint.rows:
        raise FileChanged
