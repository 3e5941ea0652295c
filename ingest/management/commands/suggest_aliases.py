"""Propose aliases: entities that are written alike, for a person to accept or reject."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.management.arguments import chosen_publications
from ingest.operations.alias_suggestions import propose, suggest
from ingest.store.base import StoreUnavailable


class Command(BaseCommand):
    help = "Propose aliases among a publication's entities; the admin accepts or rejects them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("publication", nargs="?", help="one publication; else all of them")
        parser.add_argument("--among", type=int, default=2000, help="most mentioned entities")
        parser.add_argument("--likeness", type=float, default=88, help="of 100, at the least")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proposed = sum(
                self._suggest(name, options) for name in chosen_publications(options["publication"])
            )
        except StoreUnavailable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{proposed} aliases are proposed, to be judged in the admin")

    def _suggest(self, name: str, options: dict[str, Any]) -> int:
        proposed = 0
        for one in suggest(name, among=options["among"], likeness=options["likeness"]):
            if propose(name, one):
                proposed += 1
                self.stdout.write(
                    f"{name}: {one.entity.text} ({one.entity.mentions}) may be "
                    f"{one.other.text} ({one.other.mentions}), {one.likeness:g}"
                )
        return proposed
