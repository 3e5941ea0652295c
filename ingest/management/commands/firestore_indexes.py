"""Print the commands of gcloud that create what `firebase deploy --only firestore` would."""

import json
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingest.store.firestore import schema

FILE = Path(schema.__file__).with_name("indexes.json")


class Command(BaseCommand):
    help = "Print gcloud's commands for the indexes and exemptions: `... firestore_indexes | sh`."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        options = settings.STORES["firestore"][1]
        parser.add_argument("--project", default=options["project"], help="(%(default)s)")
        parser.add_argument("--database", default=options["database"], help="(%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        where = [f"--project={options['project']}", f"--database={options['database']}"]
        for words in commands(json.loads(FILE.read_text("utf-8"))):
            self.stdout.write(shlex.join(["gcloud", "firestore", "indexes", *words, *where]))


def commands(description: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the words of each command, after `gcloud firestore indexes`."""
    for index in description["indexes"]:
        scope = index["queryScope"].lower().replace("_", "-")
        place = [f"--collection-group={index['collectionGroup']}", f"--query-scope={scope}"]
        fields = [f"--field-config={_field(field)}" for field in index["fields"]]
        yield ["composite", "create", *place, *fields, "--async"]
    for field in description["fieldOverrides"]:
        place = [field["fieldPath"], f"--collection-group={field['collectionGroup']}"]
        yield ["fields", "update", *place, "--disable-indexes", "--async"]


def _field(field: dict[str, str]) -> str:
    kind = (
        f"order={field['order'].lower()}"
        if "order" in field
        else f"array-config={field['arrayConfig'].lower()}"
    )
    return f"field-path={field['fieldPath']},{kind}"
