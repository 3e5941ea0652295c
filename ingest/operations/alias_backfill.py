"""
How a change of the rules reaches posts that are counted already: a run, one step after the other.

A step takes a page of saved posts, revises them in the store, notes in the database how far it is,
and asks for the next one. A step that dies is delivered again and changes nothing twice; of two
that do the same one goes on. Posts flow meanwhile, and are counted under the newest rules.
"""

from datetime import timedelta

from django.utils import timezone
from structlog import get_logger

from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from ingest.models import AliasBackfill
from ingest.operations.rule_versions import REFRESH_SECONDS, newest_rules
from ingest.store import open_store
from ingest.store.base import Publication

logger = get_logger()

PAGE_SIZE = 200  # posts a step

# Before this every saver has asked for the rules again, and ended what it began under older ones.
START_DELAY = timedelta(seconds=REFRESH_SECONDS + 1)


def start(publication: str = "") -> AliasBackfill:
    """
    Start a run through a publication's posts, or through all.

    It takes the place of an earlier one that goes through no more than it does.
    """
    earlier = AliasBackfill.objects.filter(ended_at=None)
    if publication:
        earlier = earlier.filter(publication=publication)
    earlier.update(ended_at=timezone.now(), problem="another run began, which does its work")
    run = AliasBackfill.objects.create(publication=publication)
    try:
        publish.enqueue_backfill_step(run.pk)
    except BrokerUnavailable as error:
        finish(run.pk, problem=f"not on its way, start another: {error}")
    return AliasBackfill.objects.get(pk=run.pk)


def finish(pk: int, *, problem: str = "") -> None:
    """Note that a run has ended, and why, if it is not through."""
    AliasBackfill.objects.filter(pk=pk, ended_at=None).update(
        ended_at=timezone.now(), problem=problem
    )


def seconds_too_early(pk: int) -> float:
    """Return how long a run must still wait for processes that know only older rules."""
    run = AliasBackfill.objects.filter(pk=pk, ended_at=None).first()
    wait = (run.started_at + START_DELAY - timezone.now()) if run else timedelta()
    return max(0.0, wait.total_seconds())


def take_step(pk: int) -> None:
    """Revise the next page of posts, and ask for the next step, if there is one."""
    run = AliasBackfill.objects.filter(pk=pk, ended_at=None).first()
    if run is None:
        return
    publications = _publications(run)
    total = run.total
    if total is None:
        total = sum(publication.posts for publication in publications)
    left = [p for p in publications if p.id > run.publication_done]
    if not left:
        finish(pk)
    elif _step_through(run, left[0], total):
        publish.enqueue_backfill_step(pk)


def _publications(run: AliasBackfill) -> list[Publication]:
    """Return the publications a run goes through, in its order."""
    if not run.publication:
        return sorted(open_store().publications(), key=lambda publication: publication.id)
    found = open_store().publication(run.publication)
    return [found] if found else []


def _step_through(run: AliasBackfill, publication: Publication, total: int) -> bool:
    """Revise a page of a publication's posts; return whether no other step was faster."""
    after = run.post_done or None
    posts = open_store().posts(publication.name, limit=PAGE_SIZE, after=after)
    changed = open_store().revise([post.post_id for post in posts], newest_rules().revise)
    if len(posts) < PAGE_SIZE:
        place = {"publication_done": publication.id, "post_done": ""}
    else:
        place = {"publication_done": run.publication_done, "post_done": posts[-1].post_id}
    same = AliasBackfill.objects.filter(
        pk=run.pk, ended_at=None, publication_done=run.publication_done, post_done=run.post_done
    )
    seen = {"seen": run.seen + len(posts), "changed": run.changed + changed}
    logger.info(
        "step of a run", run=run.pk, publication=publication.id, seen=len(posts), changed=changed
    )
    return bool(same.update(total=total, **seen, **place))
