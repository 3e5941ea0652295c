"""Copy the posts of one store to another, and compare their counts."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest.operations import audit
from ingest.operations.copy_counts import compare_counts, copy_checkpoints, copy_records
from ingest.store import open_store_of
from ingest.store.base import Store, StoreUnavailable

STORES = ("firestore", "sql")


class Command(BaseCommand):
    help = (
        "Copy every saved post to another store, and compare the counts of both. Drain and stop "
        "the workers first, since a post that is saved meanwhile may be missed. A copy that was "
        "interrupted goes on where it ended."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="source", required=True, choices=STORES)
        parser.add_argument("--to", dest="target", required=True, choices=STORES)

    def handle(self, *args: Any, **options: Any) -> None:
        source, target = options["source"], options["target"]
        if source == target:
            raise CommandError("--from and --to name the same store.")
        checkpoint = Path(settings.STATE_DIR) / f"copy-{source}-{target}.json"
        audit.record(audit.command_actor(), audit.Action.COPY, f"{source} to {target}")
        try:
            self._copy(open_store_of(source), open_store_of(target), checkpoint)
            self._compare(open_store_of(source), open_store_of(target))
        except StoreUnavailable as error:
            raise CommandError(f"{error}. Run the command again: it goes on.") from error
        checkpoint.unlink(missing_ok=True)

    def _copy(self, source: Store, target: Store, checkpoint: Path) -> None:
        saved = json.loads(checkpoint.read_text()) if checkpoint.exists() else {}
        copied: int = saved.get("records", 0)
        total = sum(publication.posts for publication in source.publications())
        with self._progress("posts copied", total) as show:
            show(copied)
            for last, records in copy_records(source, target, after=saved.get("after")):
                copied += records
                _replace(checkpoint, json.dumps({"after": last, "records": copied}))
                show(copied)
        copy_checkpoints(source, target)
        self.stdout.write(f"{copied} records copied, those of deleted posts among them")

    def _compare(self, source: Store, target: Store) -> None:
        total = len(source.publications())
        different = []
        with self._progress("publications compared", total) as show:
            for number, comparison in enumerate(compare_counts(source, target), 1):
                show(number)
                if not comparison.is_equal:
                    different.append(comparison.name)
        if different:
            raise CommandError(
                f"{len(different)} publications have other counts: {', '.join(different[:5])}. "
                "If posts were saved meanwhile, run the command again."
            )
        self.stdout.write(f"{total} publications have the same counts in both stores")

    @contextmanager
    def _progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar on a terminal, and nothing in a log."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)


def _replace(path: Path, text: str) -> None:
    """Write a file at once, so that a reader finds the old text or the new one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
