"""Create, list, rotate, find and revoke API keys."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ingest.models import ApiKey, Scope
from ingest.models.api_keys import KEY_PATTERN, OVERLAP_HOURS
from ingest.operations import audit

COLUMNS = "{:9}  {:18}  {:21}  {}: {}"


class Command(BaseCommand):
    help = "Create, list, rotate, find and revoke the API keys of clients."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="create a key and print its secret once")
        create.add_argument("name")
        create.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            dest="scopes",
            help="what the key may do; may be repeated (default: submit)",
        )
        create.add_argument(
            "--publication",
            action="append",
            default=[],
            dest="publications",
            help="publication that it may use; may be repeated (default: all)",
        )
        create.add_argument(
            "--requests-per-minute",
            type=int,
            help="limit of this key, 0 for none (default: INGEST_REQUESTS_PER_MINUTE)",
        )
        create.add_argument("--bulk", action="store_true", help="live posts overtake its posts")
        create.add_argument("--days", type=int, help="expire after so many days (default: never)")
        actions.add_parser("first", help="create a key for development if no key exists")
        actions.add_parser("list", help="list the keys, sorted by name")
        rotate = actions.add_parser("rotate", help="give a key a new secret and print it once")
        rotate.add_argument("name")
        rotate.add_argument(
            "--hours",
            type=int,
            default=OVERLAP_HOURS,
            help=f"how long the old secret still works (default: {OVERLAP_HOURS})",
        )
        find = actions.add_parser("find", help="find our keys in files, to see whether they leaked")
        find.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file or a folder")
        revoke = actions.add_parser("revoke", help="revoke a key for good")
        revoke.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if action == "create":
            days = options["days"]
            self._create(
                options["name"],
                options["scopes"] or [Scope.SUBMIT.value],
                publications=options["publications"],
                requests_per_minute=options["requests_per_minute"],
                bulk=options["bulk"],
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
            )
        elif action == "first" and not ApiKey.objects.exists():
            self._create("development", list(Scope.values))
        elif action == "list":
            self.stdout.write(COLUMNS.format("PREFIX", "STATE", "LAST USE (UTC)", "NAME", "SCOPES"))
            for key in ApiKey.objects.order_by("name"):
                self.stdout.write(_line(key))
        elif action == "rotate":
            self._rotate(options["name"], timedelta(hours=options["hours"]))
        elif action == "find":
            self._find(options["paths"])
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

    def _rotate(self, name: str, overlap: timedelta) -> None:
        key = ApiKey.objects.filter(name=name, revoked_at=None).first()
        if key is None:
            raise CommandError(f"There is no valid key named {name!r}.")
        secret = key.rotate(overlap=overlap)
        key.save()
        audit.record(audit.command_actor(), audit.Action.ROTATE, f"API key {key}")
        until = f"{key.previous_until:%Y-%m-%d %H:%M}"
        self.stdout.write(f"API key {name!r}, shown only once: {secret}")
        self.stdout.write(f"The secret before it works until {until} UTC.")

    def _find(self, paths: list[Path]) -> None:
        found = [(path, key) for path in _files(paths) for key in _keys_in(path)]
        for path, key in found:
            self.stdout.write(f"{path}: {key}, {key.state}")
        if found:
            raise CommandError(f"{len(found)} times a key of ours. Revoke or rotate it.")
        self.stdout.write("No key of ours is there.")

    def _revoke(self, name: str) -> None:
        own = ApiKey.objects.filter(name=name, revoked_at=None)
        if not own.update(revoked_at=timezone.now()):
            raise CommandError(f"There is no valid key named {name!r}.")
        audit.record(audit.command_actor(), audit.Action.REVOKE, f"API key {name}")
        self.stdout.write(f"{name!r} is revoked. Every process refuses it within five seconds.")


def _line(key: ApiKey) -> str:
    """Return the line of a key in the list."""
    used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
    allows = " ".join(key.scopes)
    publications = f" for {', '.join(key.publications)}" if key.publications else ""
    return COLUMNS.format(f"{key.prefix}…", key.state, used, key.name, f"{allows}{publications}")


def _files(paths: list[Path]) -> Iterator[Path]:
    """Return the files that paths name, and those in their folders."""
    for path in paths:
        yield from (each for each in sorted(path.rglob("*")) if each.is_file())
        if path.is_file():
            yield path


def _keys_in(path: Path) -> list[ApiKey]:
    """Return the keys of ours whose secret a file contains, also those that no longer work."""
    secrets = set(KEY_PATTERN.findall(path.read_text("utf-8", errors="replace")))
    digests = set(map(ApiKey.digest_of, secrets))
    own = Q(digest__in=digests) | Q(previous_digest__in=digests)
    return list(ApiKey.objects.filter(own).order_by("name"))
