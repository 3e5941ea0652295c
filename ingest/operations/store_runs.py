"""
Runs over saved posts, one step after the other: forget, delete a publication, move one.

A step takes a page of posts, changes them in the store and enqueues the next step. Each change is
atomic and says nothing new when it is repeated. So a step whose process dies is delivered again,
and no count is lost or changed twice.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from structlog import get_logger

from ingest.broker import publish
from ingest.broker.connection import BrokerUnavailable
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_key
from ingest.models import StoreRun
from ingest.operations import audit
from ingest.operations.publication_moves import add_move, newest_moves
from ingest.operations.rule_versions import REFRESH_SECONDS
from ingest.store import open_store

logger = get_logger()

Kind = StoreRun.Kind

PAGE_SIZE = 200  # posts per step

# By then every save worker knows a move and has finished work under the old name.
START_DELAY = timedelta(seconds=REFRESH_SECONDS + 1)


def forget_before(day: str, kind: StoreRun.Kind, *, by: audit.Actor) -> StoreRun:
    """Start to forget the posts, or only their texts, that were accepted before a day."""
    return _start(
        StoreRun(kind=kind, day=day), audit.Action.FORGET, f"{kind.label} before {day}", by
    )


def delete_publication(name: str, *, by: audit.Actor) -> StoreRun:
    """Start to delete every post of a publication that was accepted until now."""
    run = StoreRun(kind=Kind.DELETE, publication=name)
    return _start(run, audit.Action.DELETE, f"publication {name}", by)


def move_publication(name: str, target: str, *, by: audit.Actor) -> StoreRun:
    """
    Start to rename a publication, or to merge it with the one that has the target's name.

    Posts that come under the old name count under the new one too.
    """
    open_store().name_publication(target)
    run = StoreRun(kind=Kind.MOVE, publication=name, target=target)
    if publication_key(name) == publication_key(target):  # another spelling
        run.ended_at = timezone.now()
    else:
        add_move(name, target)
    return _start(run, audit.Action.MOVE, f"publication {name} to {target}", by)


def _start(run: StoreRun, action: audit.Action, target: str, by: audit.Actor) -> StoreRun:
    run.actor = by.name
    run.save()
    audit.record(by, action, target)
    if run.ended_at is None:
        transaction.on_commit(lambda: _enqueue(run.pk))  # a worker must find the row
    return StoreRun.objects.get(pk=run.pk)


def _enqueue(pk: int) -> None:
    try:
        publish.enqueue_run_step(pk)
    except BrokerUnavailable as error:
        finish(pk, problem=f"not enqueued, start it again: {error}")


def finish(pk: int, *, problem: str = "") -> None:
    """Record the end of a run, and the problem that ended it early."""
    StoreRun.objects.filter(pk=pk, ended_at=None).update(ended_at=timezone.now(), problem=problem)


def seconds_too_early(pk: int) -> float:
    """Return how long a move must still wait for workers that count under the old name."""
    run = StoreRun.objects.filter(pk=pk, ended_at=None, kind=Kind.MOVE).first()
    wait = (run.started_at + START_DELAY - timezone.now()) if run else timedelta()
    return max(0.0, wait.total_seconds())


def take_step(pk: int) -> None:
    """Change the next page of posts, then enqueue the next step, or end the run."""
    run = StoreRun.objects.filter(pk=pk, ended_at=None).first()
    if run is None:
        return
    changed, last = STEPS[Kind(run.kind)](run)
    logger.info("run step", run=pk, kind=run.kind, changed=changed)
    unchanged = StoreRun.objects.filter(
        pk=pk, ended_at=None, done=run.done, post_done=run.post_done
    )
    if last is None:
        unchanged.update(done=F("done") + changed)
        finish(pk)
    elif unchanged.update(done=F("done") + changed, post_done=last):
        publish.enqueue_run_step(pk)


# The number of posts that a step changed, and the last post of its page; None ends the run.
Step = tuple[int, str | None]


def _forget_posts(run: StoreRun) -> Step:
    ids = open_store().posts_before(run.day, limit=PAGE_SIZE)
    return open_store().forget(ids, at=run.started_at), ids[-1] if ids else None


def _forget_texts(run: StoreRun) -> Step:
    ids = open_store().posts_before(run.day, limit=PAGE_SIZE, with_text=True)
    return open_store().revise(ids, _without_text), ids[-1] if ids else None


def _without_text(post: PostEntities) -> PostEntities:
    return post.model_copy(update={"content": ""}) if post.content else post


def _delete(run: StoreRun) -> Step:
    posts = open_store().posts(run.publication, limit=PAGE_SIZE, after=run.post_done or None)
    if posts:
        ids = [post.post_id for post in posts]
        return open_store().remove_all(ids, at=run.started_at), ids[-1]
    open_store().move_checkpoint(run.publication, None)
    open_store().drop_zeros(run.publication)
    return 0, None


def _move(run: StoreRun) -> Step:
    posts = open_store().posts(run.publication, limit=PAGE_SIZE, after=run.post_done or None)
    if posts:
        ids = [post.post_id for post in posts]
        return open_store().revise(ids, newest_moves().apply), ids[-1]
    open_store().move_checkpoint(run.publication, run.target)
    open_store().drop_zeros(run.publication)
    return 0, None


STEPS: Mapping[StoreRun.Kind, Callable[[StoreRun], Step]] = {
    Kind.FORGET_POSTS: _forget_posts,
    Kind.FORGET_TEXTS: _forget_texts,
    Kind.DELETE: _delete,
    Kind.MOVE: _move,
}
