"""The checkpoint of a file: its last answered row. A rename replaces it, so no kill can tear it."""

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path

from ingest.loader.reading.files import STDIN, identity_of, name_of

MAX_NAME_CHARACTERS = 100  # of a file, in the name of its checkpoint


class AlreadyRunning(Exception):
    """Another process is loading the same file."""


@dataclass(frozen=True)
class Checkpoint:
    """
    Where a load is: the server has answered all rows up to this one.

    Args:
        rows: their number.
        digest: a hash of these rows, which finds a changed file.
        counts: rows by status.
        refused_bytes: the size of the file of refused rows at this row.
    """

    rows: int = 0
    digest: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    refused_bytes: int = 0


class CheckpointFile:
    """The checkpoint of one file that is loaded to one server, beside its refused rows."""

    def __init__(self, folder: Path, *, path: str, url: str) -> None:
        digest = blake2b(f"{url} {identity_of(path)}".encode(), digest_size=4).hexdigest()
        name = re.sub(r"[^\w.]+", "_", "stdin" if path == STDIN else name_of(path))
        name = name[-MAX_NAME_CHARACTERS:]  # the end has the number of a part
        # Refused rows hold texts, so only their owner can enter, as the server's state folder.
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"{name}-{digest}.journal"
        self._lock = self._path.with_suffix(".lock")
        self.refused = folder / f"{name}-{digest}.refused.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Keep other processes from loading the same file while a block runs.

        Raises:
            AlreadyRunning: another process is loading it.
        """
        with self._lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(f"another process is loading it: {self._lock}") from error
            yield

    def read(self) -> Checkpoint:
        """Return the checkpoint; the start of the file if there is none or it cannot be read."""
        try:
            return Checkpoint(**json.loads(self._path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return Checkpoint()

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint; a reader sees this one or the one before."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(asdict(checkpoint)))
        new.replace(self._path)

    def delete(self) -> None:
        """Delete the checkpoint, so that the next load begins at the first row."""
        self._path.unlink(missing_ok=True)
