"""Print where a post is, and since when."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from ingest.api.receipts import InvalidReceipt, read
from ingest.broker.connection import BrokerUnavailable
from ingest.broker.inspect import find_on_queues
from ingest.core.posts import is_id
from ingest.core.revisions import PostRecord
from ingest.models import CrashCount, DeadLetter
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

Lookup = Callable[[str], Iterator[str]]


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
        found = [line for lookup in LOOKUPS for line in _try(lookup, post_id)]
        if accepted_at:
            found.insert(0, f"accepted {_utc(accepted_at)}, as the receipt proves")
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


def _try(lookup: Lookup, post_id: str) -> Iterator[str]:
    """Look in one place; if it is unavailable, say so, since the post may be there."""
    try:
        yield from lookup(post_id)
    except (BrokerUnavailable, StoreUnavailable, DatabaseError) as error:
        yield f"unavailable: {error}"


def _in_store(post_id: str) -> Iterator[str]:
    record: PostRecord = open_store().get_record(post_id)
    if record.post:
        post = record.post
        yield (
            f"saved in {post.publication!r}: {len(post.entities)} entities by {post.model},"
            f" accepted {_utc(post.accepted_at)}, counts for {post.day}"
        )
    if record.deleted_at:
        yield f"deleted {_utc(record.deleted_at)}"


def _among_dead_letters(post_id: str) -> Iterator[str]:
    for dead_letter in DeadLetter.objects.filter(post_id=post_id):
        origin = dead_letter.payload.get("request_id") or "none"
        yield (
            f"dead-lettered at {dead_letter.step} since {_utc(dead_letter.last_at)}:"
            f" {dead_letter.get_reason_display()}, {dead_letter.attempts} attempts,"
            f" {dead_letter.detail} (request {origin})"
        )


def _among_crash_counts(post_id: str) -> Iterator[str]:
    for row in CrashCount.objects.filter(post_id=post_id):
        yield (
            f"redelivered at {row.step}: started {row.starts} times, last {_utc(row.last_at)}"
            f" by process {row.process or 'unknown'}"
        )


def _on_queues(post_id: str) -> Iterator[str]:
    for position in find_on_queues(post_id):
        since = f" since {_utc(position.enqueued_at)}" if position.enqueued_at else ""
        request = position.request_id or "none"
        yield f"{position.state} at {position.queue}{since} (request {request})"


LOOKUPS = (_in_store, _among_dead_letters, _among_crash_counts, _on_queues)


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
