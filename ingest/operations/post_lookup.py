"""Where a post is, and since when: in the store, among the dead letters or on the queues."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import Error as DatabaseError

from ingest.broker.connection import BrokerUnavailable
from ingest.broker.inspect import find_on_queues
from ingest.core.revisions import PostRecord
from ingest.models import CrashCount, DeadLetter
from ingest.store import open_store
from ingest.store.base import StoreUnavailable

Lookup = Callable[[str], Iterator[str]]


def find_post(post_id: str) -> list[str]:
    """Return a sentence for each place that has a post, or that does not answer."""
    return [line for lookup in LOOKUPS for line in _try(lookup, post_id)]


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
            f" accepted {format_utc(post.accepted_at)}, counts for {post.day}"
        )
    if record.deleted_at:
        yield f"deleted {format_utc(record.deleted_at)}"


def _among_dead_letters(post_id: str) -> Iterator[str]:
    for dead_letter in DeadLetter.objects.filter(post_id=post_id):
        origin = dead_letter.payload.get("request_id") or "none"
        yield (
            f"dead-lettered at {dead_letter.step} since {format_utc(dead_letter.last_at)}:"
            f" {dead_letter.get_reason_display()}, {dead_letter.attempts} attempts,"
            f" {dead_letter.detail} (request {origin})"
        )


def _among_crash_counts(post_id: str) -> Iterator[str]:
    for row in CrashCount.objects.filter(post_id=post_id):
        yield (
            f"redelivered at {row.step}: started {row.starts} times, last {format_utc(row.last_at)}"
            f" by process {row.process or 'unknown'}"
        )


def _on_queues(post_id: str) -> Iterator[str]:
    for position in find_on_queues(post_id):
        since = f" since {format_utc(position.enqueued_at)}" if position.enqueued_at else ""
        request = position.request_id or "none"
        yield f"{position.state} at {position.queue}{since} (request {request})"


LOOKUPS = (_in_store, _among_dead_letters, _among_crash_counts, _on_queues)


def format_utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
