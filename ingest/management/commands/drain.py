"""Close the gate, and wait until all that was accepted has gone through."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest.broker.admission import get_admission
from ingest.broker.admission.base import Backlog, PauseOwner
from ingest.broker.connection import BrokerUnavailable
from ingest.operations import audit
from ingestsite import configuration

POLL_SECONDS = 0.2  # seconds between two looks at the queues: they tell nobody when they are empty
REPORT_SECONDS = 5  # seconds between two lines where there is no terminal


class DrainRate:
    """How fast what is left becomes less, since it was the most."""

    def __init__(self) -> None:
        self.most = self.left = 0
        self._since = time.monotonic()

    @property
    def done(self) -> int:
        """How many messages have gone through since then."""
        return self.most - self.left

    def note(self, left: int) -> None:
        """Note how many messages are left now."""
        self.left = left
        if left >= self.most:
            self.most, self._since = left, time.monotonic()

    def __str__(self) -> str:
        rate = self.done / max(time.monotonic() - self._since, POLL_SECONDS)
        if not rate:
            return "none done yet"
        return f"{rate:.1f} messages/s, about {self.left / rate:.0f} s to go"


class Command(BaseCommand):
    help = "Refuse new posts, wait until nothing is on its way, and return 0; 1 if time runs out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--resume", action="store_true", help="take posts in again")
        parser.add_argument(
            "--timeout", type=float, help="seconds to wait; for ever, unless the whole stack stops"
        )
        parser.add_argument("--by", choices=("operator", "stop"), default="operator")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["by"] == "operator":
            what = audit.Action.RESUME if options["resume"] else audit.Action.DRAIN
            audit.record(audit.command_actor(), what)
        if options["resume"]:
            get_admission().resume(options["by"])
            self.stdout.write("Posts are taken in again.")
            return
        timeout = options["timeout"]
        if timeout is None and options["by"] == "stop":
            timeout = configuration.DRAIN_SECONDS
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        sys.exit(0 if self._drain(options["by"], deadline) else 1)

    def _drain(self, holder: PauseOwner, deadline: float) -> bool:
        progress = Progress(
            TextColumn("drain: {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(file=self.stdout),  # type: ignore[arg-type]
            disable=not sys.stdout.isatty(),
        )
        said = 0.0
        pace = DrainRate()
        with progress:
            bar = progress.add_task("closing the gate", total=None)
            while True:
                left, words = self._look(holder)
                if left == 0:
                    self.stdout.write("drain: drained, nothing is on its way")
                    return True
                if time.monotonic() >= deadline:
                    self.stdout.write(f"drain: time is up; {words}; it stays in the durable queue")
                    return False
                if left is not None:
                    pace.note(left)
                    words = f"{words}; {pace}"
                    progress.update(bar, total=pace.most, completed=pace.done, description=words)
                if progress.disable and time.monotonic() - said >= REPORT_SECONDS:
                    self.stdout.write(f"drain: {words}")
                    said = time.monotonic()
                time.sleep(POLL_SECONDS)

    def _look(self, holder: PauseOwner) -> tuple[int | None, str]:
        """Keep the gate closed, and return how many messages are left, if anybody can tell."""
        try:
            get_admission().pause(holder)
            backlog = get_admission().backlog()
        except BrokerUnavailable as error:
            return None, str(error)
        if backlog.drained:
            return 0, ""
        return max(backlog.messages, 1), _describe(backlog)


def _describe(backlog: Backlog) -> str:
    waiting = ", ".join(f"{count} wait for {queue}" for queue, count in backlog.waiting.items())
    return f"messages: {waiting}, {backlog.in_progress} in work"
