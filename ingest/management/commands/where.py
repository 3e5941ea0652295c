"""Say where a post is, and what happened to it."""

import re
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from ingest.broker import BrokerUnavailable
from ingest.finding import on_queues
from ingest.models import Attempt, DeadLetter
from ingest.receipts import NotAReceipt, read
from ingest.revisions import Kept
from ingest.store import StoreUnavailable, open_store

POST_ID = re.compile(r"[0-9a-f]{32}")


class Command(BaseCommand):
    help = "Say where a post is: saved, queued, in work, dead, deleted or unknown; 1 if unknown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("post_id")
        parser.add_argument(
            "--receipt", help="of its address: proves that it was accepted, and when"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        post_id = options["post_id"]
        if not POST_ID.fullmatch(post_id):
            raise CommandError("the id of a post is 32 hexadecimal digits, as its 202 said")
        accepted_at = _accepted_at(post_id, options["receipt"])
        found = [line for look in LOOKS for line in _look(look, post_id)]
        if accepted_at:
            found.insert(0, f"accepted {_when(accepted_at)}, as its receipt proves")
        for line in found:
            self.stdout.write(line)
        if not found:
            raise CommandError("unknown: not saved, dead, deleted, queued or in work")
        self.stdout.write(f"The log tells the rest: search it for {post_id}.")


def _accepted_at(post_id: str, receipt: str | None) -> datetime | None:
    try:
        return read(post_id, receipt) if receipt else None
    except NotAReceipt as error:
        raise CommandError("this is no receipt of this post") from error


def _look(look: Any, post_id: str) -> Iterator[str]:
    """Look in one place; one that cannot be asked is said, since the post may be there."""
    try:
        yield from look(post_id)
    except (BrokerUnavailable, StoreUnavailable, DatabaseError) as error:
        yield f"cannot tell: {error}"


def _in_store(post_id: str) -> Iterator[str]:
    kept: Kept = open_store().kept(post_id)
    if kept.post:
        post = kept.post
        yield (
            f"saved in {post.publication!r}: {len(post.entities)} entities by {post.model},"
            f" accepted {_when(post.accepted_at)}, counts for {post.day}"
        )
    if kept.deleted_at:
        yield f"deleted {_when(kept.deleted_at)}"


def _among_letters(post_id: str) -> Iterator[str]:
    for letter in DeadLetter.objects.filter(post_id=post_id):
        origin = letter.payload.get("request_id") or "none"
        yield (
            f"dead at {letter.step} since {_when(letter.last_at)}: {letter.get_reason_display()},"
            f" {letter.attempts} attempts, {letter.detail} (request {origin})"
        )


def _among_attempts(post_id: str) -> Iterator[str]:
    for row in Attempt.objects.filter(post_id=post_id):
        yield (
            f"delivered again at {row.step}: begun {row.begun} times, last {_when(row.last_at)}"
            f" by {row.process or 'nobody'}"
        )


def _on_queues(post_id: str) -> Iterator[str]:
    for place in on_queues(post_id):
        since = f" since {_when(place.enqueued_at)}" if place.enqueued_at else ""
        yield f"{place.state} at {place.queue}{since} (request {place.request_id or 'none'})"


LOOKS = (_in_store, _among_letters, _among_attempts, _on_queues)


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
