"""What a load prints while it runs, and at its end."""

import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from ingest.client.answers import ApiStatus

REPORT_SECONDS = 5  # between two lines where there is no terminal


class LoadConsole:
    """A progress bar with rate and time to go; lines where there is no terminal."""

    def __init__(self, size: int | None) -> None:
        self._console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[posts]:,} rows, {task.fields[rate]:.0f}/s"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Progress(*columns, console=self._console, disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("", total=size, posts=0, rate=0.0, note="")
        self._size = size
        self._began = self._reported_at = time.monotonic()
        self._first_offset: int | None = None  # where this load began in the file

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, sentence: str) -> None:
        """Print a line above the bar."""
        self._console.print(sentence, highlight=False, markup=False)

    def show(self, path: str, *, offset: int, rows: int, note: str) -> None:
        """Show how many bytes of all files are done, and how many rows this load has sent."""
        self._first_offset = offset if self._first_offset is None else self._first_offset
        rate = rows / max(time.monotonic() - self._began, 0.001)
        self._bar.update(
            self._task, description=path, completed=offset, posts=rows, rate=rate, note=note
        )
        if self._bar.disable and time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = time.monotonic()
            rest = f"{self._to_go(offset)}{note and f', {note}'}"
            self.say(f"{path}: {rows:,} rows, {rate:.0f}/s{rest}")

    def _to_go(self, offset: int) -> str:
        done = offset - (self._first_offset or 0)
        if not self._size or not done:
            return ""
        seconds = (self._size - offset) * (time.monotonic() - self._began) / done
        return f", {100 * offset // self._size} %, about {seconds:.0f} s to go"


def print_summary(counts: dict[str, Any], status: ApiStatus | None) -> None:
    """Print the rows by status, and the state of the server's queues."""
    table = Table("load", show_header=False)
    table.add_column(justify="right")
    for name, value in counts.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    if status:
        table.add_section()
        others = {name: value for name, value in status.items() if name != "waiting"}
        for name, value in {**status["waiting"], **others}.items():
            table.add_row(STATUS_NAMES.get(name, f"waiting for {name}"), str(value))
    Console().print(table)


STATUS_NAMES = {
    "writable": "accepts posts",
    "drained": "drained",
    "empty": "queues are empty",
    "in_work": "in progress",
    "dead_letters": "dead letters",
}
