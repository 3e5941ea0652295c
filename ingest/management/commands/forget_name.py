"""Find a name everywhere, and erase it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.operations import audit
from ingest.operations.names_everywhere import NameEverywhere

REMAINS = """What remains, and what to do about it:
- The alias that hides the name in new posts has it. Do not delete it.
- Dead letters that have it: discard them (manage.py dead_letters discard POST_ID).
- The audit log keeps its entries. This command has written none with the name.
- Messages on the queues: they are counted without the name once a worker takes them.
- Other forms of the name, such as the surname alone: run the command with each.
- Top entities and summaries show the name until they are computed again, within minutes.
- Backups, exports and what clients have read. Delete backups from before today in time."""


class Command(BaseCommand):
    help = "Say where a name is. With --erase, take it out of posts and counts, and of new posts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--erase", action="store_true", help="take it out, for good")

    def handle(self, *args: Any, **options: Any) -> None:
        everywhere = NameEverywhere(options["name"])
        if not everywhere.key:
            raise CommandError("The name has no letter or digit.")
        self._tell(everywhere)
        if options["erase"]:
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
