"""Restore a backup into empty databases, and compare the counts."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from django.core.management.base import BaseCommand, CommandError

from ingest.operations import audit
from ingest.operations.backup import (
    NotRestored,
    different_totals,
    read_manifest,
    restore_backup,
)


class Command(BaseCommand):
    help = "Restore a backup into databases that `migrate` has just made, and compare the counts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--check", action="store_true", help="only compare the counts of the store with it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["check"]:
                restore_backup(options["file"], tell=self._tell)
                audit.record(
                    audit.command_actor(), audit.Action.COPY, f"restore {options['file'].name}"
                )
            manifest = read_manifest(options["file"])
        except (OSError, BadZipFile, KeyError, NotRestored) as error:
            raise CommandError(str(error)) from error
        different = different_totals(manifest)
        if different:
            raise CommandError(
                f"{len(different)} publications have other counts than the backup: "
                f"{', '.join(different[:5])}."
            )
        self.stdout.write(f"{len(manifest['counts'])} publications have the counts of the backup.")

    def _tell(self, table: str, rows: int) -> None:
        if rows:
            self.stdout.write(f"{rows:12,} {table}")
