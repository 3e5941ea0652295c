"""Count again from the posts themselves, say what differs, and mend it."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest import audit
from ingest.counts import Counts
from ingest.management.publications import chosen
from ingest.store import StoreUnavailable, open_store

SHOWN = 20  # differences of a publication


class Command(BaseCommand):
    help = "Compare every counter with the saved posts; 0 if all are right, or were mended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("publication", nargs="?", help="one publication; else all of them")
        parser.add_argument("--repair", action="store_true", help="add what is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wrong = sum(
                self._recount(name, repair=options["repair"])
                for name in chosen(options["publication"])
            )
        except StoreUnavailable as error:
            raise CommandError(str(error)) from error
        sys.exit(1 if wrong and not options["repair"] else 0)

    def _recount(self, name: str, *, repair: bool) -> int:
        """Recount one publication, and return how many of its counters were wrong."""
        wrong = open_store().recount(name).wrong
        lines = list(_lines(wrong))
        self.stdout.write(f"{name}: {len(lines)} counters are wrong")
        for line in lines[:SHOWN]:
            self.stdout.write(f"  {line}")
        if len(lines) > SHOWN:
            self.stdout.write(f"  and {len(lines) - SHOWN} more")
        if wrong and repair:
            open_store().repair(name, wrong)
            told = f"{len(lines)} counters"
            audit.record(audit.whoever_runs_this(), audit.What.REPAIR, name, detail=told)
            self.stdout.write("  mended")
        return len(lines)


def _lines(wrong: Counts) -> Iterator[str]:
    if wrong.posts or wrong.days:
        yield f"posts: {wrong.posts:+d} would be right"
    for (family, key), counts in sorted(wrong.entities.items()):
        yield f"{family} {key}: {counts.mentions:+d} mentions, {counts.posts:+d} posts"
