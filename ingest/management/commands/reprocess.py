"""Run saved posts through the model again, or bring them under the newest rules."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ingest.broker.admission.base import IntakePaused, QueueFull
from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import PostEntities
from ingest.management.arguments import chosen_publications
from ingest.models import AliasBackfill
from ingest.nlp.languages import has_current_model, lacks_model, model_names
from ingest.operations import alias_backfill, audit, reprocessing
from ingest.operations.rule_versions import newest_patterns
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

POLL_SECONDS = 1  # seconds between two looks at what tells nobody when it changes


class Command(BaseCommand):
    help = (
        "Run saved posts through the model again: those on which another model has worked, or "
        "other patterns. The counts follow, each post in one step."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("publication", nargs="?", help="one publication; else all of them")
        parser.add_argument("--post", action="append", metavar="POST_ID", help="only this one")
        parser.add_argument("--all", action="store_true", help="whatever model has worked on them")
        parser.add_argument("--rules", action="store_true", help="only apply the newest aliases")

    def handle(self, *args: Any, **options: Any) -> None:
        target = " ".join(options["post"] or [options["publication"] or "all publications"])
        told = "by the newest aliases" if options["rules"] else "by the model"
        audit.record(audit.command_actor(), audit.Action.REPROCESS, target, detail=told)
        try:
            if options["rules"]:
                self._follow(alias_backfill.start(options["publication"] or ""))
                return
            reprocessing.await_patterns()
            if options["post"]:
                self._report(*self._send(list(map(_saved, options["post"]))))
            else:
                self._reprocess(options["publication"], every=options["all"])
        except (StoreUnavailable, IntakePaused, BrokerUnavailable) as error:
            raise CommandError(f"{error}; give the command again") from error

    def _reprocess(self, publication: str | None, *, every: bool) -> None:
        names = model_names(
            settings.MODEL, settings.MODELS, for_others=settings.OTHER_LANGUAGES == "main"
        )
        patterns = newest_patterns().version_if_any

        def is_new(post: PostEntities) -> bool:
            return has_current_model(post, names) and (
                lacks_model(post) or post.patterns == patterns
            )

        sent = without_text = 0
        for each in chosen_publications(publication):
            for posts in reprocessing.pages(each, lambda post: every or not is_new(post)):
                more, less = self._send(posts)
                sent, without_text = sent + more, without_text + less
        self._report(sent, without_text)

    def _send(self, posts: list[PostEntities]) -> tuple[int, int]:
        """Send posts when the queues have room; return how many went, and how many cannot."""
        while True:
            try:
                sent = reprocessing.send_again(posts)
            except QueueFull:
                time.sleep(POLL_SECONDS)
            else:
                return sent, len(posts) - sent

    def _report(self, sent: int, without_text: int) -> None:
        self.stdout.write(f"{sent} posts go through the model again")
        if without_text:
            self.stdout.write(f"{without_text} cannot: their text was not kept")

    def _follow(self, run: AliasBackfill) -> None:
        """Tell how far a run is until it has ended."""
        while run.ended_at is None:
            self.stdout.write(str(run))
            time.sleep(POLL_SECONDS)
            run.refresh_from_db()
        self.stdout.write(str(run))
        if run.problem:
            raise CommandError(run.problem)


def _saved(post_id: str) -> PostEntities:
    post = open_store().post(post_id)
    if post is None:
        raise CommandError(f"There is no saved post {post_id}.")
    return post
