"""Print where a post is, and since when."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.api.receipts import InvalidReceipt, read
from ingest.core.posts import is_id
from ingest.operations.post_lookup import find_post, format_utc


class Command(BaseCommand):
    help = (
        "Print where a post is: saved, queued, in progress, dead-lettered or deleted. "
        "Exits 1 if it is unknown."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("post_id")
        parser.add_argument(
            "--receipt",
            help="the receipt in the URL of its 202; it proves when the post was accepted",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        post_id = options["post_id"]
        if not is_id(post_id):
            raise CommandError("A post id is 32 hexadecimal digits, as in the 202.")
        accepted_at = _accepted_at(post_id, options["receipt"])
        found = find_post(post_id)
        if accepted_at:
            found.insert(0, f"accepted {format_utc(accepted_at)}, as the receipt proves")
        for line in found:
            self.stdout.write(line)
        if not found:
            raise CommandError("unknown: not saved, deleted, dead-lettered, queued or in progress")
        self.stdout.write(f"Search the log for {post_id} to see the rest.")


def _accepted_at(post_id: str, receipt: str | None) -> datetime | None:
    try:
        return read(post_id, receipt) if receipt else None
    except InvalidReceipt as error:
        raise CommandError("This is no receipt of this post.") from error
