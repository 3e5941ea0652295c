"""A store in a dictionary, for tests: it lives and dies with its process."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial

from ingest.counts import Counts, count_posts
from ingest.messages import PostEntities
from ingest.posts import publication_id
from ingest.revisions import Change, Kept
from ingest.store import Cursor, Publication, Recount, StoredEntity


class MemoryStore:
    """Keep posts, and count them anew whenever they are asked for."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = defaultdict(Kept)
        self._names: dict[str, str] = {}  # of publications, as the first post of each has it

    def add(self, posts: Sequence[PostEntities]) -> int:
        before = len(self._saved())
        for post in posts:
            self._names.setdefault(publication_id(post.publication), post.publication)
            self._change(post.post_id, partial(Kept.with_revision, revision=post))
        return len(self._saved()) - before

    def remove(self, post_id: str, *, at: datetime) -> bool:
        before = len(self._saved())
        self._change(post_id, partial(Kept.deleted, at=at))
        return len(self._saved()) < before

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        revise = partial(Kept.changed, change=change)
        return sum(self._change(post_id, revise) for post_id in set(post_ids))

    def kept(self, post_id: str) -> Kept:
        return self._kept.get(post_id, Kept())

    def post(self, post_id: str) -> PostEntities | None:
        return self.kept(post_id).post

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        own = sorted(self._of(name), key=lambda post: post.post_id)
        return [post for post in own if after is None or post.post_id > after][:limit]

    def publications(self) -> list[Publication]:
        found = (self.publication(name) for name in self._names.values())
        return sorted((p for p in found if p), key=lambda publication: publication.name)

    def publication(self, name: str) -> Publication | None:
        id_ = publication_id(name)
        if id_ not in self._names:
            return None
        counts = self._counts(name)
        first, last = min(counts.days, default=None), max(counts.days, default=None)
        return Publication(id_, self._names[id_], counts.posts, first, last)

    def entities(self, name: str, *, limit: int, after: Cursor | None = None) -> list[StoredEntity]:
        entities = [
            StoredEntity.of(entity, counts)
            for entity, counts in self._counts(name).entities.items()
        ]
        entities.sort(key=_place, reverse=True)
        return [e for e in entities if after is None or _place(e) < after][:limit]

    def recount(self, name: str) -> Recount:
        counts = self._counts(name)
        return Recount(counts, counts)

    def repair(self, name: str, wrong: Counts) -> None:
        """Do nothing: what is counted anew each time cannot be wrong."""

    def _change(self, post_id: str, change: Change) -> bool:
        before = self._kept[post_id]
        self._kept[post_id] = change(before)
        return self._kept[post_id] != before

    def _saved(self) -> list[PostEntities]:
        return [kept.post for kept in self._kept.values() if kept.post]

    def _of(self, name: str) -> list[PostEntities]:
        wanted = publication_id(name)
        return [p for p in self._saved() if publication_id(p.publication) == wanted]

    def _counts(self, name: str) -> Counts:
        return count_posts(self._of(name))


def _place(entity: StoredEntity) -> Cursor:
    return Cursor(entity.mentions, entity.id)
