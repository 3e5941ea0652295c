"""Say where a post is, and what happened to it."""

import re
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from ingest.api.receipts import InvalidReceipt, read
from ingest.broker.connection import BrokerUnavailable
from ingest.broker.inspect import find_on_queues
from ingest.core.revisions import PostRecord
from ingest.models import CrashCount, DeadLetter
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

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
        found = [line for look in LOOKUPS for line in _lookup(look, post_id)]
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
    except InvalidReceipt as error:
        raise CommandError("this is no receipt of this post") from error


def _lookup(look: Any, post_id: str) -> Iterator[str]:
    """Look in one place; one that cannot be asked is said, since the post may be there."""
    try:
        yield from look(post_id)
    except (BrokerUnavailable, StoreUnavailable, DatabaseError) as error:
        yield f"cannot tell: {error}"


def _in_store(post_id: str) -> Iterator[str]:
    record: PostRecord = open_store().get_record(post_id)
    if record.post:
        post = record.post
        yield (
            f"saved in {post.publication!r}: {len(post.entities)} entities by {post.model},"
            f" accepted {_when(post.accepted_at)}, counts for {post.day}"
        )
    if record.deleted_at:
        yield f"deleted {_when(record.deleted_at)}"


def _among_dead_letters(post_id: str) -> Iterator[str]:
    for letter in DeadLetter.objects.filter(post_id=post_id):
        origin = letter.payload.get("request_id") or "none"
        yield (
            f"dead at {letter.step} since {_when(letter.last_at)}: {letter.get_reason_display()},"
            f" {letter.attempts} attempts, {letter.detail} (request {origin})"
        )


def _among_crash_counts(post_id: str) -> Iterator[str]:
    for row in CrashCount.objects.filter(post_id=post_id):
        yield (
            f"delivered again at {row.step}: begun {row.starts} times, last {_when(row.last_at)}"
            f" by {row.process or 'nobody'}"
        )


def _on_queues(post_id: str) -> Iterator[str]:
    for place in find_on_queues(post_id):
        since = f" since {_when(place.enqueued_at)}" if place.enqueued_at else ""
        yield f"{place.state} at {place.queue}{since} (request {place.request_id or 'none'})"


LOOKUPS = (_in_store, _among_dead_letters, _among_crash_counts, _on_queues)


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
