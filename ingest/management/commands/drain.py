"""Pause the intake, and wait until every accepted post is processed."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest.broker.admission import get_admission, resume_intake
from ingest.broker.admission.base import Backlog, PauseOwner, low_watermark
from ingest.broker.connection import BrokerUnavailable
from ingest.operations import audit
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

POLL_SECONDS = 0.2  # between two looks at the queues
REPORT_SECONDS = 5  # between two lines where there is no terminal

# What still pauses the intake, by its owner.
PAUSES = {
    "operator": "an operator's drain that still runs",
    "stop": "a stop of the stack that still runs",
}


class DrainRate:
    """How fast the backlog shrinks, measured since it was largest."""

    def __init__(self) -> None:
        self.largest = self.remaining = 0
        self._since = time.monotonic()

    @property
    def done(self) -> int:
        """How many messages were processed since then."""
        return self.largest - self.remaining

    def note(self, remaining: int) -> None:
        """Note how many messages remain now."""
        self.remaining = remaining
        if remaining >= self.largest:
            self.largest, self._since = remaining, time.monotonic()

    def __str__(self) -> str:
        rate = self.done / max(time.monotonic() - self._since, POLL_SECONDS)
        if not rate:
            return "none processed yet"
        return f"{rate:.1f} messages/s, about {self.remaining / rate:.0f} s to go"


class Command(BaseCommand):
    help = (
        "Pause the intake, and wait until every accepted post is processed. "
        "Exits 0 when drained, 1 when the time is up."
    )

    _is_recorded = False  # in the audit log

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--resume", action="store_true", help="resume the intake")
        parser.add_argument(
            "--timeout",
            type=float,
            help="seconds to wait (default: no limit; INGEST_DRAIN_SECONDS with --by stop)",
        )
        parser.add_argument(
            "--by",
            choices=("operator", "stop"),
            default="operator",
            help="who pauses: an operator, or a stop of the whole stack (%(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        is_stop = options["by"] == "stop"
        if options["resume"]:
            self._resume(by_stop=is_stop)
            return
        timeout = options["timeout"]
        if timeout is None and is_stop:
            timeout = settings.DRAIN_SECONDS
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        sys.exit(0 if self._drain(options["by"], deadline) else 1)

    def _resume(self, *, by_stop: bool) -> None:
        """End the pauses, and say what still keeps posts out."""
        try:
            if by_stop:
                get_admission().resume("stop")
            else:
                resume_intake()
                audit.record(audit.command_actor(), audit.Action.RESUME)
            time.sleep(2 * POLL_SECONDS)  # a drain that still runs pauses again meanwhile
            paused_by, backlog = get_admission().paused_by(), get_admission().backlog()
        except (BrokerUnavailable, DatabaseError) as error:
            raise CommandError(f"The intake is not resumed: {error}.") from error
        if paused_by:
            reasons = " and ".join(PAUSES[owner] for owner in sorted(paused_by))
            raise CommandError(f"The intake is still paused, by {reasons}.")
        if backlog.state(settings.QUEUE_LIMIT) == "full":
            waiting, low = backlog.waiting_of("live"), low_watermark(settings.QUEUE_LIMIT)
            self.stdout.write(
                f"The intake is resumed, but the queues are full: {waiting} messages wait. "
                f"Posts are accepted again at {low}."
            )
        else:
            self.stdout.write("The intake is resumed.")

    def _drain(self, owner: PauseOwner, deadline: float) -> bool:
        progress = Progress(
            TextColumn("drain: {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(file=self.stdout),  # type: ignore[arg-type]
            disable=not sys.stdout.isatty(),
        )
        reported_at = 0.0
        rate = DrainRate()
        with progress:
            bar = progress.add_task("pausing the intake", total=None)
            while True:
                remaining, text = self._pause_and_read(owner)
                if remaining == 0:
                    self.stdout.write(f"drain: drained, {_saved(owner)}0 waiting")
                    return True
                if time.monotonic() >= deadline:
                    self.stdout.write(
                        f"drain: time is up, {_saved(owner)}the rest stays in the durable queue, "
                        f"{text}"
                    )
                    return False
                if remaining is not None:
                    rate.note(remaining)
                    text = f"{text}, {rate}"
                    progress.update(bar, total=rate.largest, completed=rate.done, description=text)
                if progress.disable and time.monotonic() - reported_at >= REPORT_SECONDS:
                    self.stdout.write(f"drain: {text}")
                    reported_at = time.monotonic()
                time.sleep(POLL_SECONDS)

    def _pause_and_read(self, owner: PauseOwner) -> tuple[int | None, str]:
        """Keep the intake paused; return the remaining messages, None if the broker is away."""
        try:
            get_admission().pause(owner)
            self._record_once(owner)
            backlog = get_admission().backlog()
        except BrokerUnavailable as error:
            return None, str(error)
        if backlog.drained:
            return 0, ""
        return max(backlog.messages, 1), _describe(backlog)

    def _record_once(self, owner: PauseOwner) -> None:
        """Write the pause of an operator to the audit log, once it has taken effect."""
        if owner == "operator" and not self._is_recorded:
            self._is_recorded = True
            audit.record(audit.command_actor(), audit.Action.DRAIN)


def _saved(owner: PauseOwner) -> str:
    """Say how many posts the store has. Only for a stop: Firestore would charge for the answer."""
    if owner != "stop":
        return ""
    try:
        posts = sum(publication.posts for publication in open_store().publications())
    except StoreUnavailable:
        return "the store does not answer, "
    return f"{posts} posts saved, "


def _describe(backlog: Backlog) -> str:
    waiting = ", ".join(f"{count} wait for {queue}" for queue, count in backlog.waiting.items())
    return f"messages: {waiting}, {backlog.in_progress} in progress"
