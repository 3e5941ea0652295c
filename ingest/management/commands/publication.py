"""Delete, rename and merge publications."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.management.arguments import chosen_publications
from ingest.management.runs import follow
from ingest.operations import audit
from ingest.operations.store_runs import delete_publication, move_publication
from ingest.store import open_store


class Command(BaseCommand):
    help = "Delete a publication, rename it, or merge it with another. It waits for the workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        delete = actions.add_parser("delete", help="delete its posts and its counts")
        delete.add_argument("name")
        rename = actions.add_parser("rename", help="count its posts under a new name")
        rename.add_argument("name")
        rename.add_argument("target", metavar="NEW_NAME")
        merge = actions.add_parser("merge", help="count its posts under another publication")
        merge.add_argument("name")
        merge.add_argument("target", metavar="INTO")

    def handle(self, *args: Any, **options: Any) -> None:
        (name,), action = chosen_publications(options["name"]), options["action"]
        by = audit.command_actor()
        if action == "delete":
            run = delete_publication(name, by=by)
        else:
            _check_target(action, options["target"], name)
            run = move_publication(name, options["target"], by=by)
        follow(run, self.stdout.write)


def _check_target(action: str, target: str, name: str) -> None:
    """Refuse to rename to a name that another publication has, and to merge with none."""
    found = open_store().publication(target)
    exists = found is not None and found.posts > 0
    if action == "merge" and not exists:
        raise CommandError(f"There is no publication named {target!r}.")
    if action == "rename" and exists and found and found.name != name:
        raise CommandError(f"{target!r} is a publication already. Use merge.")
