"""A store that keeps nothing: for development, and for measuring everything but the store."""

from collections.abc import Sequence

from ingest.counts import Counts
from ingest.messages import PostEntities
from ingest.store import Cursor, Publication, Recount, StoredEntity


class NullStore:
    """Take every post, and know of none: whatever is read is empty, and nothing is invented."""

    def add(self, posts: Sequence[PostEntities]) -> int:
        return len({post.post_id for post in posts})

    def post(self, post_id: str) -> PostEntities | None:
        return None

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
