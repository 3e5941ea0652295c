"""What became of each row of a file, settled in their order, whatever order the answers have."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os import SEEK_END
from typing import Any

from ingest.loader.checkpoint import Checkpoint, CheckpointFile
from ingest.loader.readers import Row

# Rows that may be answered before one that is not: what is remembered of them is bounded.
MAX_OPEN_ROWS = 20_000

ACCEPTED, DUPLICATE, REFUSED, BLANK = "accepted", "duplicate", "refused", "blank"


@dataclass(frozen=True)
class RowResult:
    """What became of a row; `line` is what the file of refused rows says of it."""

    status: str
    digest: bytes
    at: int
    line: bytes = b""


class RowProgress:
    """
    The rows of one file, from where the last run stopped.

    A row is settled when it and all before it are answered; then its refusal is written down, and
    the journal says so.
    """

    def __init__(self, journal: CheckpointFile, place: Checkpoint) -> None:
        self.counts = Counter(place.counts)
        self.rows = place.rows
        self.at = 0
        self._journal = journal
        self._digest = bytes.fromhex(place.digest)
        self._answered: dict[int, RowResult] = {}
        self._digests: dict[int, bytes] = {}
        self._change = threading.Condition()
        self._refused = journal.refused.open("ab")
        self._refused.truncate(min(place.refused_bytes, self._refused.tell()))
        self._refused.seek(0, SEEK_END)

    def expect(self, row: Row, digest: bytes, stopping: threading.Event) -> None:
        """Note the digest of the rows up to one that is to be sent, once there is room for it."""
        with self._change:
            while row.number - self.rows > MAX_OPEN_ROWS and not stopping.is_set():
                self._change.wait(1)
            self._digests[row.number] = digest

    def settle(self, rows: Sequence[Row], results: Sequence[dict[str, Any]]) -> None:
        """Note what became of rows."""
        with self._change:
            for row, result in zip(rows, results, strict=True):
                self._answered[row.number] = self._outcome(row, result)
            self._move_on()
            self._change.notify_all()

    def settle_here(self, row: Row) -> None:
        """Note what became of a row that is not sent: it is blank, or no post at all."""
        error = {"pointer": "", "detail": row.problem}
        status = BLANK if row.is_blank else REFUSED
        self.settle([row], [{"status": status, "errors": [error]}])

    def close(self) -> None:
        """Close the file of refused rows; one in which there is nothing need not be there."""
        self._refused.close()
        if not self.counts[REFUSED]:
            self._journal.refused.unlink()

    def _outcome(self, row: Row, result: dict[str, Any]) -> RowResult:
        status = result["status"]
        line = _refused_line(row, result["errors"]) if status == REFUSED else b""
        return RowResult(status, self._digests.pop(row.number), row.at, line)

    def _move_on(self) -> None:
        before = self.rows
        while outcome := self._answered.pop(self.rows + 1, None):
            self.rows += 1
            self.at = outcome.at
            self.counts[outcome.status] += 1
            self._digest = outcome.digest
            self._refused.write(outcome.line)
        if self.rows > before:
            self._refused.flush()
            self._journal.write(self._place())

    def _place(self) -> Checkpoint:
        digest, counts = self._digest.hex(), dict(self.counts)
        return Checkpoint(self.rows, digest, counts, self._refused.tell())


def _refused_line(row: Row, errors: Sequence[dict[str, str]]) -> bytes:
    """Write down a row that was refused, and why, so that it can be mended and sent."""
    reasons = [_reason(error) for error in errors]
    what = {"post": row.post} if row.post is not None else {"text": row.body.decode()}
    return json.dumps({"row": row.number, "reasons": reasons, **what}).encode() + b"\n"


def _reason(error: dict[str, str]) -> str:
    """Say what is wrong with which field: a pointer begins with the place in the request."""
    field = "/".join(error["pointer"].split("/")[2:])
    return f"{field}: {error['detail']}" if field else error["detail"]
