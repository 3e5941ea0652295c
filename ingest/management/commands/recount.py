"""Count again from the posts themselves, say what differs, and mend it."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.core.counts import Counts
from ingest.management.arguments import chosen_publications
from ingest.operations import audit
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

SAMPLE_SIZE = 20  # differences of a publication


class Command(BaseCommand):
    help = "Compare every counter with the saved posts; 0 if all are right, or were mended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("publication", nargs="?", help="one publication; else all of them")
        parser.add_argument("--repair", action="store_true", help="add what is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wrong = sum(
                self._recount(name, repair=options["repair"])
                for name in chosen_publications(options["publication"])
            )
        except StoreUnavailable as error:
            raise CommandError(str(error)) from error
        sys.exit(1 if wrong and not options["repair"] else 0)

    def _recount(self, name: str, *, repair: bool) -> int:
        """Recount one publication, and return how many of its counters were wrong."""
        wrong = open_store().recount(name).diff
        lines = list(_lines(wrong))
        self.stdout.write(f"{name}: {len(lines)} counters are wrong")
        for line in lines[:SAMPLE_SIZE]:
            self.stdout.write(f"  {line}")
        if len(lines) > SAMPLE_SIZE:
            self.stdout.write(f"  and {len(lines) - SAMPLE_SIZE} more")
        if wrong and repair:
            open_store().repair(name, wrong)
            told = f"{len(lines)} counters"
            audit.record(audit.command_actor(), audit.Action.REPAIR, name, detail=told)
            self.stdout.write("  mended")
        return len(lines)


def _lines(wrong: Counts) -> Iterator[str]:
    if wrong.posts or wrong.days:
        yield f"posts: {wrong.posts:+d} would be right"
    for (family, key), counts in sorted(wrong.entities.items()):
        yield f"{family} {key}: {counts.mentions:+d} mentions, {counts.posts:+d} posts"
