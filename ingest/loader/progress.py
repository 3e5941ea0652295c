"""The results of a file's rows: answers come in any order, checkpoints in the order of the rows."""

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import SEEK_END
from typing import Any

from ingest.loader.checkpoint import Checkpoint, CheckpointFile
from ingest.loader.reading.rows import Row

# Rows that may be answered while an earlier row is not, which bounds the memory.
MAX_OPEN_ROWS = 20_000

ACCEPTED, DUPLICATE, REFUSED, BLANK = "accepted", "duplicate", "refused", "blank"


@dataclass(frozen=True)
class RowResult:
    """The result of a row; `line` goes into the file of refused rows."""

    status: str
    digest: bytes
    offset: int
    line: bytes = b""


class RowProgress:
    """
    The rows of one file, from its checkpoint on.

    A row is done when it and all rows before it are answered. Then its refusal is written, and the
    checkpoint moves on.
    """

    def __init__(self, file: CheckpointFile, checkpoint: Checkpoint) -> None:
        self.counts = Counter(checkpoint.counts)
        self.rows = checkpoint.rows
        self.offset = 0
        self._file = file
        self._digest = bytes.fromhex(checkpoint.digest)
        self._answered: dict[int, RowResult] = {}
        self._digests: dict[int, bytes] = {}
        self._change = threading.Condition()
        self._refused = file.refused.open("ab")
        self._refused.truncate(min(checkpoint.refused_bytes, self._refused.tell()))
        self._refused.seek(0, SEEK_END)

    def expect(self, row: Row, digest: bytes, stopping: threading.Event) -> None:
        """Note the digest of the rows up to one that will be sent, once there is room for it."""
        with self._change:
            while row.number - self.rows > MAX_OPEN_ROWS and not stopping.is_set():
                self._change.wait(1)
            self._digests[row.number] = digest

    def record(self, rows: Sequence[Row], results: Sequence[Mapping[str, Any]]) -> None:
        """Record the results of rows."""
        with self._change:
            for row, result in zip(rows, results, strict=True):
                self._answered[row.number] = self._row_result(row, result)
            self._advance()
            self._change.notify_all()

    def record_unsent(self, row: Row) -> None:
        """Record a row that is not sent: it is blank or no post."""
        error = {"pointer": "", "detail": row.problem}
        status = BLANK if row.is_blank else REFUSED
        self.record([row], [{"status": status, "errors": [error]}])

    def close(self) -> None:
        """Close the file of refused rows, and delete it if it is empty."""
        self._refused.close()
        if not self.counts[REFUSED]:
            self._file.refused.unlink()

    def _row_result(self, row: Row, result: Mapping[str, Any]) -> RowResult:
        status = result["status"]
        line = _refused_line(row, result["errors"]) if status == REFUSED else b""
        return RowResult(status, self._digests.pop(row.number), row.offset, line)

    def _advance(self) -> None:
        before = self.rows
        while result := self._answered.pop(self.rows + 1, None):
            self.rows += 1
            self.offset = result.offset
            self.counts[result.status] += 1
            self._digest = result.digest
            self._refused.write(result.line)
        if self.rows > before:
            self._refused.flush()
            self._file.write(self._checkpoint())

    def _checkpoint(self) -> Checkpoint:
        digest, counts = self._digest.hex(), dict(self.counts)
        return Checkpoint(self.rows, digest, counts, self._refused.tell())


def _refused_line(row: Row, errors: Sequence[dict[str, str]]) -> bytes:
    """Return a refused row and its errors as a line, so that a person can repair and send it."""
    reasons = [_reason(error) for error in errors]
    content = {"post": row.post} if row.post is not None else {"text": row.body.decode()}
    return json.dumps({"row": row.number, "reasons": reasons, **content}).encode() + b"\n"


def _reason(error: dict[str, str]) -> str:
    """Return an error with its field; a pointer begins with the index in the request."""
    field = "/".join(error["pointer"].split("/")[2:])
    return f"{field}: {error['detail']}" if field else error["detail"]
