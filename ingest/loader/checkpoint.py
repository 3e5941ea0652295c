"""How far the load of a file is: so little is written down that a kill can tear none of it."""

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path

from ingest.loader.compression import STDIN


class AlreadyRunning(Exception):
    """Another process loads the same file."""


@dataclass(frozen=True)
class Checkpoint:
    """
    Where a load is: all rows up to this one were answered.

    Args:
        digest: of these rows, so that no other rows are taken for them.
        refused_bytes: of the file of refused rows that are theirs.
    """

    rows: int = 0
    digest: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    refused_bytes: int = 0


class CheckpointFile:
    """The journal of one file that is loaded to one host, and beside it the rows refused."""

    def __init__(self, folder: Path, *, path: str, url: str) -> None:
        whole = path if path == STDIN else str(Path(path).resolve())
        digest = blake2b(f"{url} {whole}".encode(), digest_size=4).hexdigest()
        name = re.sub(r"[^\w.]+", "_", "stdin" if path == STDIN else Path(path).name)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{name}-{digest}.journal"
        self._lock = self._path.with_suffix(".lock")
        self.refused = folder / f"{name}-{digest}.refused.jsonl"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from loading the same file while a block runs; Busy if one does."""
        with self._lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(f"another process loads it: {self._lock}") from error
            yield

    def read(self) -> Checkpoint:
        """Return where the last run stopped; the beginning, if nothing tells."""
        try:
            return Checkpoint(**json.loads(self._path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return Checkpoint()

    def write(self, place: Checkpoint) -> None:
        """Note where the load is; whoever reads sees this place or the one before."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(asdict(place)))
        new.replace(self._path)

    def forget(self) -> None:
        """Let the next load of the file begin at its first row."""
        self._path.unlink(missing_ok=True)
