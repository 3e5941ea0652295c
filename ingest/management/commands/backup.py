"""Write a backup of the database, and of the counts in SQL; restore one, and compare."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ingest.operations import audit
from ingest.operations.backup import (
    NotRestored,
    different_totals,
    read_manifest,
    restore_backup,
    write_backup,
)
from ingest.store.base import StoreUnavailable


class Command(BaseCommand):
    help = (
        "Write a backup: keys, accounts, dead letters, aliases and the audit log, and in SQL the "
        "posts and counts. Work goes on meanwhile. Of Firestore it has totals to compare with."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the new file, or one to read")
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--restore", action="store_true", help="put it into empty databases")
        way.add_argument("--check", action="store_true", help="only compare the counts with it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["restore"] or options["check"]:
            self._read(options["file"], restore=options["restore"])
        else:
            self._write(options["file"])

    def _write(self, file: Path) -> None:
        part = file.with_name(f"{file.name}.part")
        if file.exists():
            raise CommandError(f"{file} exists already.")
        try:
            part.unlink(missing_ok=True)
            manifest = write_backup(part, tell=self._tell)
            part.rename(file)
        except (OSError, StoreUnavailable) as error:
            raise CommandError(str(error)) from error
        audit.record(audit.command_actor(), audit.Action.COPY, f"backup {file.name}")
        posts = sum(publication["posts"] for publication in manifest["counts"].values())
        self.stdout.write(f"{file}: {sum(manifest['rows'].values())} rows, totals of {posts} posts")
        if settings.STORE == "firestore":
            self.stdout.write("Posts and counts are in Firestore, which has its own backups.")

    def _read(self, file: Path, *, restore: bool) -> None:
        try:
            if restore:
                restore_backup(file, tell=self._tell)
                audit.record(audit.command_actor(), audit.Action.COPY, f"restore {file.name}")
            manifest = read_manifest(file)
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
        if self.stderr.isatty():
            self.stderr.write(f"{rows:12,} {table}")
