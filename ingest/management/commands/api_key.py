"""Create, list and revoke API keys."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingest.models import ApiKey, Scope
from ingest.operations import audit

COLUMNS = "{:9}  {:20}  {:21}  {}: {}"


class Command(BaseCommand):
    help = "Create, list and revoke the API keys of clients."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="create a key and print its secret once")
        create.add_argument("name")
        create.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            dest="scopes",
            help="what the key may do; may be repeated (default: every scope)",
        )
        create.add_argument(
            "--publication",
            action="append",
            default=[],
            dest="publications",
            help="publication whose posts it may submit and delete; may be repeated (default: all)",
        )
        create.add_argument(
            "--requests-per-minute",
            type=int,
            help="limit of this key, 0 for none (default: INGEST_REQUESTS_PER_MINUTE)",
        )
        actions.add_parser("first", help="create a key for development if no key exists")
        actions.add_parser("list", help="list the keys, sorted by name")
        revoke = actions.add_parser("revoke", help="revoke a key for good")
        revoke.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if action == "create":
            self._create(
                options["name"],
                options["scopes"] or list(Scope.values),
                publications=options["publications"],
                requests_per_minute=options["requests_per_minute"],
            )
        elif action == "first" and not ApiKey.objects.exists():
            self._create("development", list(Scope.values))
        elif action == "list":
            self.stdout.write(COLUMNS.format("PREFIX", "STATE", "LAST USE (UTC)", "NAME", "SCOPES"))
            for key in ApiKey.objects.order_by("name"):
                self.stdout.write(_line(key))
        elif action == "revoke":
            self._revoke(options["name"])

    def _create(self, name: str, scopes: list[str], **limits: Any) -> None:
        try:
            with transaction.atomic():
                key, secret = ApiKey.create(name, scopes=scopes, **limits)
        except IntegrityError as error:
            raise CommandError(f"There is already a key named {name!r}.") from error
        audit.record(audit.command_actor(), audit.Action.ADD, f"API key {key}")
        self.stdout.write(f"API key {key.name!r}, shown only once: {secret}")

    def _revoke(self, name: str) -> None:
        own = ApiKey.objects.filter(name=name, revoked_at=None)
        if not own.update(revoked_at=timezone.now()):
            raise CommandError(f"There is no valid key named {name!r}.")
        audit.record(audit.command_actor(), audit.Action.REVOKE, f"API key {name}")
        self.stdout.write(f"{name!r} is revoked. Every process refuses it within five seconds.")


def _line(key: ApiKey) -> str:
    """Return the line of a key in the list."""
    state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
    used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
    allows = " ".join(key.scopes)
    publications = f" for {', '.join(key.publications)}" if key.publications else ""
    return COLUMNS.format(f"{key.prefix}…", state, used, key.name, f"{allows}{publications}")
