"""List, show, replay and discard dead letters."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from ingest.models import DeadLetter, Step
from ingest.operations.audit import command_actor
from ingest.operations.replay import discard, replay

HEADS = ("POST", "STEP", "REASON", "ATTEMPTS", "LAST (UTC)", "PUBLICATION", "DETAIL")
COLUMNS = "{:32}  {:8} {:10} {:>8}  {:16}  {}: {}"


class Command(BaseCommand):
    help = "List, show, replay or discard dead letters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, summary in (
            ("list", "print one line for each dead letter"),
            ("replay", "put dead letters on their queue again; each post still counts once"),
            ("discard", "delete dead letters for good"),
        ):
            action = actions.add_parser(name, help=summary)
            action.add_argument("ids", nargs="*", metavar="POST_ID")
            action.add_argument("--reason", choices=DeadLetter.Reason.values, help="only this one")
            action.add_argument("--step", choices=Step.values, help="only this one")
            action.add_argument("--publication", help="only this one")
            action.add_argument("--all", action="store_true", help="every dead letter")
        show = actions.add_parser("show", help="print every field of one dead letter")
        show.add_argument("ids", nargs=1, metavar="POST_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        dead_letters = _chosen(options)
        if action != "list" and not dead_letters.exists():
            raise CommandError("There is no such dead letter.")
        if action in ("replay", "discard") and not _is_chosen(options):
            raise CommandError("Name posts, a reason, a step or a publication, or give --all.")
        getattr(self, f"_{action}")(dead_letters)

    def _list(self, dead_letters: "QuerySet[DeadLetter]") -> None:
        self.stdout.write(COLUMNS.format(*HEADS))
        for row in dead_letters.defer("payload", "trace").iterator():
            last = f"{row.last_at:%Y-%m-%d %H:%M}"
            values = (row.post_id, row.step, row.reason, row.attempts, last, row.publication)
            self.stdout.write(COLUMNS.format(*values, row.detail[:80]))
        self.stdout.write(f"{dead_letters.count()} dead letters")

    def _show(self, dead_letters: "QuerySet[DeadLetter]") -> None:
        for row in dead_letters:
            for name in ("post_id", "publication", "step", "reason", "detail", "attempts"):
                self.stdout.write(f"{name:12} {getattr(row, name)}")
            self.stdout.write(f"{'first':12} {row.first_at:%Y-%m-%d %H:%M:%S}")
            self.stdout.write(f"{'last':12} {row.last_at:%Y-%m-%d %H:%M:%S}")
            self.stdout.write(f"\n{row.trace}\n{row.content}")

    def _replay(self, dead_letters: "QuerySet[DeadLetter]") -> None:
        result = replay(dead_letters, by=command_actor())
        if result.problem:
            raise CommandError(str(result))
        self.stdout.write(str(result))

    def _discard(self, dead_letters: "QuerySet[DeadLetter]") -> None:
        self.stdout.write(f"{discard(dead_letters, by=command_actor())} discarded")


def _is_chosen(options: dict[str, Any]) -> bool:
    return any(options[name] for name in ("ids", "reason", "step", "publication", "all"))


def _chosen(options: dict[str, Any]) -> "QuerySet[DeadLetter]":
    dead_letters = DeadLetter.objects.all()
    if options["ids"]:
        dead_letters = dead_letters.filter(post_id__in=options["ids"])
    for name in ("reason", "step", "publication"):
        if options.get(name):
            dead_letters = dead_letters.filter(**{name: options[name]})
    return dead_letters
