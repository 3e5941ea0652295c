"""Recount saved posts, print wrong counters, and repair them."""

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

SAMPLE_SIZE = 20  # wrong counters printed a publication


class Command(BaseCommand):
    help = "Compare every counter with the saved posts. Exits 0 if all are right or repaired."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("publication", nargs="?", help="only this publication (default: all)")
        parser.add_argument(
            "--repair",
            action="store_true",
            help="repair them, and let every name and the age of every post be found",
        )

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
        """Recount one publication, and return the number of wrong counters."""
        diff = open_store().recount(name, progress=self._tell).diff
        lines = list(_lines(diff))
        self.stdout.write(f"{name}: {len(lines)} counters are wrong")
        for line in lines[:SAMPLE_SIZE]:
            self.stdout.write(f"  {line}")
        if len(lines) > SAMPLE_SIZE:
            self.stdout.write(f"  and {len(lines) - SAMPLE_SIZE} more")
        if diff and repair:
            open_store().repair(name, diff)
            detail = f"{len(lines)} counters"
            audit.record(audit.command_actor(), audit.Action.REPAIR, name, detail=detail)
            self.stdout.write("  repaired")
        if repair:
            self.stdout.write(f"  {open_store().index_names(name)} names can be found")
            if indexed := open_store().index_posts(name):
                self.stdout.write(f"  {indexed} posts of earlier versions can be forgotten")
        return len(lines)

    def _tell(self, posts: int) -> None:
        """Tell on a terminal how far the recount is."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{posts:,} posts read", ending="")


def _lines(diff: Counts) -> Iterator[str]:
    if diff.posts or diff.days:
        yield f"posts: {diff.posts:+d} would be right"
    for (family, key), counts in sorted(diff.entities.items()):
        yield f"{family} {key}: {counts.mentions:+d} mentions, {counts.posts:+d} posts"
