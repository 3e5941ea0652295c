"""What a load tells while it runs, and at its end."""

import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

REPORT_SECONDS = 5  # seconds between two lines where there is no terminal


class LoadConsole:
    """A bar of how far the files are, with rate and time to go; without a terminal, lines."""

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
        self._began = self._said = time.monotonic()
        self._first: int | None = None  # what an earlier run has sent is no measure of this one

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

    def show(self, what: str, *, at: int, rows: int, note: str) -> None:
        """Show how far all files are, in bytes, and how many rows this run has sent."""
        self._first = at if self._first is None else self._first
        rate = rows / max(time.monotonic() - self._began, 0.001)
        self._bar.update(
            self._task, description=what, completed=at, posts=rows, rate=rate, note=note
        )
        if self._bar.disable and time.monotonic() - self._said >= REPORT_SECONDS:
            self._said = time.monotonic()
            self.say(f"{what}: {rows:,} rows, {rate:.0f}/s{self._to_go(at)}{note and f'; {note}'}")

    def _to_go(self, at: int) -> str:
        done = at - (self._first or 0)
        if not self._size or not done:
            return ""
        seconds = (self._size - at) * (time.monotonic() - self._began) / done
        return f", {100 * at // self._size} %, about {seconds:.0f} s to go"


def print_summary(counts: dict[str, Any], status: dict[str, Any] | None) -> None:
    """Print what became of the rows, and what the server says of what is on its way."""
    table = Table("load", show_header=False)
    table.add_column(justify="right")
    for name, value in counts.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    if status:
        table.add_section()
        for name, value in {**status.pop("waiting"), **status}.items():
            table.add_row(NAMES.get(name, f"waits for {name}"), str(value))
    Console().print(table)


NAMES = {
    "writable": "takes posts in",
    "drained": "drained",
    "empty": "all is through",
    "in_work": "in work",
    "dead_letters": "dead letters",
}
