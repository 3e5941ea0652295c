"""Look at the posts that could not be processed, and decide what becomes of them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from ingest.models import DeadLetter, Step
from ingest.operations.audit import command_actor
from ingest.operations.replay import discard, replay


class Command(BaseCommand):
    help = "List, show, replay or discard dead letters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, what in (
            ("list", "a line for each"),
            ("replay", "put them on their queue again; each counts once"),
            ("discard", "forget them for good"),
        ):
            action = actions.add_parser(name, help=what)
            action.add_argument("ids", nargs="*", metavar="POST_ID")
            action.add_argument("--reason", choices=DeadLetter.Reason.values)
            action.add_argument("--step", choices=Step.values)
            action.add_argument("--publication")
            action.add_argument("--all", action="store_true")
        show = actions.add_parser("show", help="everything that is known of one")
        show.add_argument("ids", nargs=1, metavar="POST_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        letters = _chosen(options)
        if action != "list" and not letters.exists():
            raise CommandError("There is no such dead letter.")
        if action in ("replay", "discard") and not _is_chosen(options):
            raise CommandError("Name posts, a reason, a step or a publication, or say --all.")
        getattr(self, f"_{action}")(letters)

    def _list(self, letters: "QuerySet[DeadLetter]") -> None:
        for letter in letters:
            self.stdout.write(
                f"{letter.post_id}  {letter.step:8} {letter.reason:10} {letter.attempts:2}  "
                f"{letter.last_at:%Y-%m-%d %H:%M}  {letter.publication}: {letter.detail[:80]}"
            )
        self.stdout.write(f"{letters.count()} dead letters")

    def _show(self, letters: "QuerySet[DeadLetter]") -> None:
        for letter in letters:
            for name in ("post_id", "publication", "step", "reason", "detail", "attempts"):
                self.stdout.write(f"{name:12} {getattr(letter, name)}")
            self.stdout.write(f"{'first':12} {letter.first_at:%Y-%m-%d %H:%M:%S}")
            self.stdout.write(f"{'last':12} {letter.last_at:%Y-%m-%d %H:%M:%S}")
            self.stdout.write(f"\n{letter.trace}\n{letter.content}")

    def _replay(self, letters: "QuerySet[DeadLetter]") -> None:
        outcome = replay(letters, by=command_actor())
        if outcome.problem:
            raise CommandError(str(outcome))
        self.stdout.write(str(outcome))

    def _discard(self, letters: "QuerySet[DeadLetter]") -> None:
        self.stdout.write(f"{discard(letters, by=command_actor())} discarded")


def _is_chosen(options: dict[str, Any]) -> bool:
    return any(options[name] for name in ("ids", "reason", "step", "publication", "all"))


def _chosen(options: dict[str, Any]) -> "QuerySet[DeadLetter]":
    letters = DeadLetter.objects.all()
    if options["ids"]:
        letters = letters.filter(post_id__in=options["ids"])
    for name in ("reason", "step", "publication"):
        if options.get(name):
            letters = letters.filter(**{name: options[name]})
    return letters
