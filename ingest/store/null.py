"""A store that keeps nothing: for development, and for measuring everything but the store."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from ingest.counts import Counts
from ingest.messages import PostEntities
from ingest.revisions import Kept
from ingest.store import Cursor, Publication, Recount, StoredEntity


class NullStore:
    """Take every post, and know of none: whatever is read is empty, and nothing is invented."""

    def add(self, posts: Sequence[PostEntities]) -> int:
        return len({post.post_id for post in posts})

    def remove(self, post_id: str, *, at: datetime) -> bool:
        return False

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        return 0

    def kept(self, post_id: str) -> Kept:
        return Kept()

    def post(self, post_id: str) -> PostEntities | None:
        return None

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        return []

    def publications(self) -> list[Publication]:
        return []

    def publication(self, name: str) -> Publication | None:
        return None

    def entities(self, name: str, *, limit: int, after: Cursor | None = None) -> list[StoredEntity]:
        return []

    def recount(self, name: str) -> Recount:
        return Recount(Counts(), Counts())

    def repair(self, name: str, wrong: Counts) -> None:
        """Do nothing: there is nothing that could be wrong."""
