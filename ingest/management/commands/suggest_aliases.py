"""Propose aliases of entities that are spelled alike. A person accepts or rejects them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.analytics.snippets import find_snippet
from ingest.management.arguments import chosen_publications
from ingest.operations.alias_suggestions import Suggestion, propose, suggest
from ingest.operations.rule_versions import known_rules
from ingest.store import open_store
from ingest.store.base import StoredEntity, StoreUnavailable


class Command(BaseCommand):
    help = "Propose aliases of entities that are spelled alike. Accept or reject them in the admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("publication", nargs="?", help="only this publication (default: all)")
        parser.add_argument(
            "--among",
            type=int,
            default=2000,
            help="how many of the most mentioned entities to compare (%(default)s)",
        )
        parser.add_argument(
            "--likeness", type=float, default=88, help="least likeness, from 0 to 100 (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proposed = sum(
                self._suggest(name, options) for name in chosen_publications(options["publication"])
            )
        except StoreUnavailable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{proposed} aliases proposed. Accept or reject them in the admin.")

    def _suggest(self, name: str, options: dict[str, Any]) -> int:
        proposed = 0
        for suggestion in suggest(name, among=options["among"], likeness=options["likeness"]):
            if propose(name, suggestion, evidence=_evidence(name, suggestion)):
                proposed += 1
                entity, other, likeness = suggestion
                self.stdout.write(
                    f"{name}: {entity.text} ({entity.mentions}) may be "
                    f"{other.text} ({other.mentions}), likeness {likeness:g}"
                )
        return proposed


def _evidence(publication: str, suggestion: Suggestion) -> str:
    """Return the counts of both names, and a sentence of each, one name a line."""
    return "\n".join(_line(publication, name) for name in (suggestion.entity, suggestion.other))


def _line(publication: str, entity: StoredEntity) -> str:
    posts = open_store().posts_mentioning(entity.id, name=publication, limit=1)
    snippet = find_snippet(posts[0], entity.id, known_rules()) if posts else None
    sentence = f' "{"".join(snippet)}"' if snippet else ""
    return f"{entity.text}: mentions {entity.mentions}, posts {entity.posts}.{sentence}"
