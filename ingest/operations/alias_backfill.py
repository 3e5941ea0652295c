"""
Apply changed aliases to saved posts: an alias backfill, one step after the other.

A step takes a page of saved posts, revises them in the store and records how far the backfill is.
Then it enqueues the next step. A step whose process dies is delivered again and changes nothing
twice. If two processes do the same step, only one of them enqueues the next. Posts are processed
meanwhile, under the newest rules.
"""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone
from structlog import get_logger

from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from ingest.models import AliasBackfill
from ingest.operations import audit
from ingest.operations.rule_versions import REFRESH_SECONDS, newest_rules
from ingest.store import open_store
from ingest.store.base import Publication

logger = get_logger()

PAGE_SIZE = 200  # posts per step, or publications per read

# By then every save worker has read the rules again and has finished work under older ones.
START_DELAY = timedelta(seconds=REFRESH_SECONDS + 1)


def start(publication: str = "") -> AliasBackfill:
    """
    Start a backfill of a publication's posts, or of all posts.

    It replaces an earlier backfill that covers no more posts than this one.
    """
    earlier = AliasBackfill.objects.filter(ended_at=None)
    if publication:
        earlier = earlier.filter(publication=publication)
    earlier.update(ended_at=timezone.now(), problem="replaced by a newer backfill")
    backfill = AliasBackfill.objects.create(publication=publication)
    try:
        publish.enqueue_backfill_step(backfill.pk)
    except BrokerUnavailable as error:
        finish(backfill.pk, problem=f"not enqueued, start another backfill: {error}")
    return AliasBackfill.objects.get(pk=backfill.pk)


def finish(pk: int, *, problem: str = "") -> None:
    """Record the end of a backfill, and the problem that ended it early."""
    AliasBackfill.objects.filter(pk=pk, ended_at=None).update(
        ended_at=timezone.now(), problem=problem
    )


def seconds_too_early(pk: int) -> float:
    """Return how long a backfill must still wait for processes that use older rules."""
    backfill = AliasBackfill.objects.filter(pk=pk, ended_at=None).first()
    wait = (backfill.started_at + START_DELAY - timezone.now()) if backfill else timedelta()
    return max(0.0, wait.total_seconds())


def cancel(backfills: "QuerySet[AliasBackfill]", *, by: audit.Actor) -> int:
    """End backfills after the step they are at, and return how many had not ended."""
    running = list(backfills.filter(ended_at=None))
    for backfill in running:
        finish(backfill.pk, problem=f"cancelled by {by.name}")
        audit.record(by, audit.Action.CANCEL, f"alias backfill {backfill.pk}")
    return len(running)


def take_step(pk: int) -> None:
    """Revise the next page of posts, then enqueue the next step or end the backfill."""
    backfill = AliasBackfill.objects.filter(pk=pk, ended_at=None).first()
    if backfill is None:
        return
    publication = _next_publication(backfill)
    if publication is None:
        finish(pk)
        return
    total = _total(backfill) if backfill.total is None else backfill.total
    if _revise_page(backfill, publication, total):
        publish.enqueue_backfill_step(pk)


def _next_publication(backfill: AliasBackfill) -> Publication | None:
    """Return the publication that a step works on; a backfill of all goes by their names."""
    done = backfill.publication_done or None
    if backfill.publication:
        return None if done else open_store().publication(backfill.publication)
    return next(iter(open_store().publications(limit=1, after=done)), None)


def _total(backfill: AliasBackfill) -> int:
    """Return the number of posts of a backfill, from pages of publications."""
    if backfill.publication:
        publication = open_store().publication(backfill.publication)
        return publication.posts if publication else 0
    total, after = 0, None
    while page := open_store().publications(limit=PAGE_SIZE, after=after):
        total += sum(publication.posts for publication in page)
        after = page[-1].name
    return total


def _revise_page(backfill: AliasBackfill, publication: Publication, total: int) -> bool:
    """Revise a page of a publication's posts; return False if another process did this step."""
    after = backfill.post_done or None
    posts = open_store().posts(publication.name, limit=PAGE_SIZE, after=after)
    changed = open_store().revise([post.post_id for post in posts], newest_rules().revise)
    if len(posts) < PAGE_SIZE:
        done = {"publication_done": publication.name, "post_done": ""}
    else:
        done = {"publication_done": backfill.publication_done, "post_done": posts[-1].post_id}
    unchanged = AliasBackfill.objects.filter(
        pk=backfill.pk,
        ended_at=None,
        publication_done=backfill.publication_done,
        post_done=backfill.post_done,
    )
    counts = {"seen": backfill.seen + len(posts), "changed": backfill.changed + changed}
    logger.info(
        "alias backfill step",
        backfill=backfill.pk,
        publication=publication.id,
        seen=len(posts),
        changed=changed,
    )
    return bool(unchanged.update(total=total, **counts, **done))
