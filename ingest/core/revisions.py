"""
What is kept under a post's id while revisions and deletions of it come in, in whatever order.

The revision that was accepted last wins, and counts for the day of the first, unless it says when
it was published. A deletion ends every revision that was accepted before it. Both may come late,
early and often: what is kept in the end is the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from ingest.core.counts import Counts, count_posts
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id


@dataclass(frozen=True)
class PostRecord:
    """What is kept of a post: the revision that won, and when it was deleted, if it ever was."""

    post: PostEntities | None = None
    deleted_at: datetime | None = None

    def with_revision(self, revision: PostEntities) -> Self:
        """Take a revision in; an older one changes nothing but the day, and none counts twice."""
        post = _left_by(self.deleted_at, revision)
        return self if post is None else replace(self, post=_merged(self.post, post))

    def deleted(self, at: datetime) -> Self:
        """Forget the revisions that were accepted until then."""
        deleted_at = max(self.deleted_at or at, at)
        return replace(self, post=_left_by(deleted_at, self.post), deleted_at=deleted_at)

    def changed(self, change: Callable[[PostEntities], PostEntities]) -> Self:
        """Replace the post, if there is one."""
        return replace(self, post=change(self.post)) if self.post else self


Change = Callable[[PostRecord], PostRecord]


def _merged(post: PostEntities | None, other: PostEntities) -> PostEntities:
    """Return the revision that was accepted last, for the day of the one that came first."""
    if post is None:
        return other
    last = max(post, other, key=_revision_order)
    return _first_at(min(post.first_at, other.first_at), last)


def _revision_order(revision: PostEntities) -> tuple[datetime, datetime]:
    """Of equal revisions the one counts whose entities were looked for last."""
    return revision.accepted_at, revision.again_at or revision.accepted_at


def _left_by(deleted_at: datetime | None, post: PostEntities | None) -> PostEntities | None:
    """Return what a deletion leaves of a post: the revision that was accepted after it."""
    if post is None or deleted_at is None or deleted_at < post.first_at:
        return post
    return None if post.accepted_at <= deleted_at else _first_at(post.accepted_at, post)


def _first_at(moment: datetime, post: PostEntities) -> PostEntities:
    earlier = moment if moment < post.accepted_at else None
    return post.model_copy(update={"first_accepted_at": earlier})


def differences(changes: Iterable[tuple[PostRecord, PostRecord]]) -> dict[str, Counts]:
    """Return what changes, each from old to new, add to the counts of each publication."""
    before: dict[str, list[PostEntities]] = defaultdict(list)
    after: dict[str, list[PostEntities]] = defaultdict(list)
    for old, new in changes:
        for side, kept in ((before, old), (after, new)):
            if kept.post:
                side[publication_id(kept.post.publication)].append(kept.post)
    return {
        pub_id: count_posts(after[pub_id]) - count_posts(before[pub_id])
        for pub_id in {**before, **after}
    }
