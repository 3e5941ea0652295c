"""
The record of a post, which revisions and deletions change in any order.

The revision accepted last wins. It counts for the last date of publication that a revision had, or
for the day of the first one. A deletion removes every revision accepted before it. Revisions and
deletions may arrive late, out of order and repeatedly: the final record is the same.

A forgotten post stays counted as it was. Its record keeps only the time. So no revision of it
counts again, and no deletion takes it out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from ingest.core.counts import Counts, count_posts
from ingest.core.messages import AcceptedPost, PostEntities
from ingest.core.posts import publication_id


@dataclass(frozen=True)
class PostRecord:
    """
    A post's record: the revision that won, and the time of its last deletion, if any.

    A forgotten post has only `forgotten_at`.
    """

    post: PostEntities | None = None
    deleted_at: datetime | None = None
    forgotten_at: datetime | None = None

    def with_revision(self, revision: PostEntities) -> Self:
        """Add a revision: an older one changes only the day, a repeated one changes nothing."""
        post = None if self.forgotten_at else _after_deletion(self.deleted_at, revision)
        return self if post is None else replace(self, post=_latest(self.post, post))

    def covers(self, revision: AcceptedPost) -> bool:
        """Return whether it has this revision, a later one, or a later deletion."""
        if self.forgotten_at:
            return True
        if self.deleted_at and revision.accepted_at <= self.deleted_at:
            return True
        return self.post is not None and _revision_order(self.post) >= _revision_order(revision)

    def deleted(self, at: datetime) -> Self:
        """Remove the revisions accepted until `at`; a forgotten post stays as it is."""
        if self.forgotten_at:
            return self
        deleted_at = max(self.deleted_at or at, at)
        return replace(self, post=_after_deletion(deleted_at, self.post), deleted_at=deleted_at)

    def forgotten(self, at: datetime) -> Self:
        """Forget the post and what it was; a deleted post stays deleted."""
        if self.forgotten_at or (self.deleted_at and not self.post):
            return self
        return replace(self, post=None, deleted_at=None, forgotten_at=at)

    def changed(self, change: Callable[[PostEntities], PostEntities]) -> Self:
        """Replace the post, if there is one."""
        return replace(self, post=change(self.post)) if self.post else self


Change = Callable[[PostRecord], PostRecord]


def merge_revisions(posts: Iterable[PostEntities]) -> list[PostEntities]:
    """Return one revision for each post, the posts of a publication together."""
    records: dict[str, PostRecord] = defaultdict(PostRecord)
    for post in posts:
        records[post.post_id] = records[post.post_id].with_revision(post)
    distinct = [record.post for record in records.values() if record.post]
    return sorted(distinct, key=lambda post: publication_id(post.publication))


def _latest(post: PostEntities | None, other: PostEntities) -> PostEntities:
    """Return the revision accepted last, with the first acceptance and the last date of both."""
    if post is None:
        return other
    last = max(post, other, key=_revision_order)
    first_at = min(post.first_at, other.first_at)
    return _with_date(_last_date(post, other), _with_first_accepted(first_at, last))


def _last_date(*posts: PostEntities) -> tuple[datetime, datetime] | None:
    """Return when the last revision with a date of publication was accepted, and its date."""
    dates = [(p.dated_at or p.accepted_at, p.published_at) for p in posts if p.published_at]
    return max(dates, key=lambda date: date[0], default=None)


def _revision_order(revision: AcceptedPost) -> tuple[datetime, datetime]:
    """Order revisions by acceptance; of equal ones, the one reprocessed last wins."""
    return revision.accepted_at, revision.again_at or revision.accepted_at


def _after_deletion(deleted_at: datetime | None, post: PostEntities | None) -> PostEntities | None:
    """Return the revision accepted after a deletion, or None."""
    if post is None or deleted_at is None or deleted_at < post.first_at:
        return post
    if post.accepted_at <= deleted_at:
        return None
    date = _last_date(post)
    kept = date if date and date[0] > deleted_at else None
    return _with_date(kept, _with_first_accepted(post.accepted_at, post))


def _with_first_accepted(first_at: datetime, post: PostEntities) -> PostEntities:
    earlier = first_at if first_at < post.accepted_at else None
    return post.model_copy(update={"first_accepted_at": earlier})


def _with_date(date: tuple[datetime, datetime] | None, post: PostEntities) -> PostEntities:
    dated_at, published_at = date or (None, None)
    earlier = dated_at if dated_at != post.accepted_at else None
    return post.model_copy(update={"published_at": published_at, "dated_at": earlier})


def forgotten_counts(changes: Iterable[tuple[PostRecord, PostRecord]]) -> dict[str, Counts]:
    """Return what the posts count that changes (old record, new record) forget, by publication."""
    posts: dict[str, list[PostEntities]] = defaultdict(list)
    for old, new in changes:
        if old.post and new.forgotten_at:
            posts[publication_id(old.post.publication)].append(old.post)
    return {pub_id: count_posts(own) for pub_id, own in posts.items()}


def differences(changes: Iterable[tuple[PostRecord, PostRecord]]) -> dict[str, Counts]:
    """
    Return what changes (old record, new record) add to counts, by publication id.

    A forgotten post adds nothing, since its counts stay.
    """
    before: dict[str, list[PostEntities]] = defaultdict(list)
    after: dict[str, list[PostEntities]] = defaultdict(list)
    for old, new in changes:
        for side, record in ((before, old), (after, new)):
            if record.post and not new.forgotten_at:
                side[publication_id(record.post.publication)].append(record.post)
    return {
        pub_id: count_posts(after[pub_id]) - count_posts(before[pub_id])
        for pub_id in {**before, **after}
    }
