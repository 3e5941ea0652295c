"""A store that keeps nothing: for development, and for measuring everything but the store."""

from collections.abc import Sequence
from datetime import datetime

from structlog import get_logger

from ingest.core.messages import PostEntities
from ingest.store.memory import MemoryStore

logger = get_logger()


class NullStore(MemoryStore):
    """Accept every post and drop it: reads find an empty store, and nothing is invented."""

    def add(self, posts: Sequence[PostEntities]) -> int:
        logger.info("commit", posts=len(posts), writes=0, unmerged=0)
        return len({post.post_id for post in posts})

    def remove(self, post_id: str, *, at: datetime) -> bool:
        return False
