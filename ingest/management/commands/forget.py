"""Forget what is older than the settings keep, or a name; a timer runs it once a day."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ingest.management.runs import follow
from ingest.models import StoreRun
from ingest.operations import audit
from ingest.operations.names_everywhere import NameEverywhere
from ingest.operations.store_runs import forget_before

REMAINS = """What remains, and what to do about it:
- The alias that hides the name in new posts has it. Do not delete it.
- Dead letters that have it: discard them (manage.py dead_letters discard POST_ID).
- The audit log keeps its entries. This command has written none with the name.
- Messages on the queues: they are counted without the name once a worker takes them.
- Other forms of the name, such as the surname alone: run the command with each.
- Top entities and summaries show the name until they are computed again, within minutes.
- Backups, exports and what clients have read. Delete backups from before today in time."""


class Command(BaseCommand):
    help = (
        "Forget the texts of posts after INGEST_KEEP_CONTENT_DAYS, and whole posts after "
        "INGEST_KEEP_POSTS_DAYS. Counts stay. Run it once a day. It waits for the workers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", help="only say where this name is, and forget nothing")
        parser.add_argument(
            "--erase", action="store_true", help="take the name out of posts and counts, for good"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["name"]:
            self._forget_name(NameEverywhere(options["name"]), erase=options["erase"])
        else:
            self._forget_old()

    def _forget_old(self) -> None:
        kept = {
            StoreRun.Kind.FORGET_TEXTS: settings.KEEP_CONTENT_DAYS,
            StoreRun.Kind.FORGET_POSTS: settings.KEEP_POSTS_DAYS,
        }
        if not any(kept.values()):
            self.stdout.write("Nothing is forgotten: both settings are 0.")
        for kind, days in kept.items():
            if days:
                day = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
                follow(forget_before(day, kind, by=audit.command_actor()), self.stdout.write)

    def _forget_name(self, everywhere: NameEverywhere, *, erase: bool) -> None:
        if not everywhere.key:
            raise CommandError("The name has no letter or digit.")
        self._tell(everywhere)
        if erase:
            changed = everywhere.erase()
            detail = f"a name, {changed} posts"  # not the name itself
            audit.record(audit.command_actor(), audit.Action.FORGET, detail=detail)
            self.stdout.write(f"{changed} posts changed. Their counts follow.")
            self._tell(everywhere)
            self.stdout.write(REMAINS)

    def _tell(self, everywhere: NameEverywhere) -> None:
        places = everywhere.find()
        for place, number in places.items():
            self.stdout.write(f"  {number:6} {place}")
        self.stdout.write(f"{places.total()} places have the name." if places else "Nowhere.")
