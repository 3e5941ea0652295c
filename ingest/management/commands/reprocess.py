"""Run saved posts through the model again, or apply the newest aliases to them."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ingest.broker.admission.base import IntakePaused, QueueFull
from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import PostEntities
from ingest.core.posts import is_id
from ingest.management.arguments import chosen_publications
from ingest.models import AliasBackfill
from ingest.nlp.languages import has_current_model, lacks_model, model_names
from ingest.operations import alias_backfill, audit, reprocessing
from ingest.operations.rule_versions import newest_patterns
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

POLL_SECONDS = 1  # between two looks at the queues or the backfill


class Command(BaseCommand):
    help = (
        "Run saved posts through the model again, if another model or other patterns processed "
        "them. The counts of each post change in one step."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("publication", nargs="?", help="only this publication (default: all)")
        parser.add_argument(
            "--post", action="append", metavar="POST_ID", help="only this post; may be repeated"
        )
        parser.add_argument(
            "--all", action="store_true", help="every post, also those of this model"
        )
        parser.add_argument(
            "--rules", action="store_true", help="only apply the newest aliases, without the model"
        )

        parser.add_argument(
            "--cancel", action="store_true", help="end every reprocess, here and on the queues"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cancel"]:
            reprocessing.cancel()
            audit.record(audit.command_actor(), audit.Action.CANCEL, "every reprocess")
            self.stdout.write("Workers skip the waiting posts of every reprocess within 5 seconds.")
            return
        self._began = timezone.now()
        try:
            if options["rules"]:
                backfill = alias_backfill.start(options["publication"] or "")
                _record(options["publication"], "by the newest aliases")
                self._follow(backfill)
                return
            reprocessing.await_patterns()
            if options["post"]:
                counts = self._send(list(map(_saved, options["post"])))
                _record(" ".join(options["post"]), "by the model")
                self._report(*counts)
            else:
                self._reprocess(options["publication"], every=options["all"])
        except (StoreUnavailable, IntakePaused, BrokerUnavailable) as error:
            raise CommandError(f"{error}. Run the command again") from error

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
        try:
            for each in chosen_publications(publication):
                for posts in reprocessing.pages(each, lambda post: every or not is_new(post)):
                    counts = self._send(posts)
                    sent, without_text = sent + counts[0], without_text + counts[1]
        finally:  # also when it stops half-way
            _record(publication, f"by the model, {sent} posts")
        self._report(sent, without_text)

    def _send(self, posts: list[PostEntities]) -> tuple[int, int]:
        """Send posts once the queues have room; return how many were sent and how many not."""
        while True:
            if reprocessing.cancelled_until.value() >= self._began:
                raise CommandError("Cancelled. The posts that are left stay as they are.")
            try:
                sent = reprocessing.send_again(posts)
            except QueueFull:
                time.sleep(POLL_SECONDS)
            else:
                return sent, len(posts) - sent

    def _report(self, sent: int, without_text: int) -> None:
        self.stdout.write(f"{sent} posts go through the model again")
        if without_text:
            self.stdout.write(f"{without_text} posts cannot, since their text was not saved")

    def _follow(self, backfill: AliasBackfill) -> None:
        """Print the progress of a backfill until it has ended."""
        while backfill.ended_at is None:
            self.stdout.write(str(backfill))
            time.sleep(POLL_SECONDS)
            backfill.refresh_from_db()
        self.stdout.write(str(backfill))
        if backfill.problem:
            raise CommandError(backfill.problem)


def _record(target: str | None, detail: str) -> None:
    """Write what was done to the audit log."""
    name = target or "all publications"
    audit.record(audit.command_actor(), audit.Action.REPROCESS, name, detail=detail)


def _saved(post_id: str) -> PostEntities:
    post = open_store().post(post_id) if is_id(post_id) else None
    if post is None:
        raise CommandError(f"There is no saved post {post_id}.")
    return post
