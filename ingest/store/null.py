"""A store that keeps nothing: for development, and for measuring everything but the store."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from structlog import get_logger

from ingest.core.counts import Counts, EntityName
from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.core.messages import PostEntities
from ingest.core.revisions import PostRecord
from ingest.store.base import (
    Cursor,
    EntityFilter,
    FamilyCounts,
    KeyCursor,
    NameFilter,
    NameSearch,
    PostCursor,
    PostsWithin,
    Progress,
    Publication,
    Ranking,
    Recount,
    StoredEntity,
    WantedPosts,
    any_posts,
    no_progress,
)

logger = get_logger()


class NullStore:
    """Accept every post and drop it: reads find an empty store, and nothing is invented."""

    def add(self, posts: Sequence[PostEntities]) -> int:
        logger.info("commit", posts=len(posts), writes=0, unmerged=0)
        return len({post.post_id for post in posts})

    def remove(self, post_id: str, *, at: datetime) -> bool:
        return False

    def remove_all(self, post_ids: Collection[str], *, at: datetime) -> int:
        return 0

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        return 0

    def posts_before(self, day: str, *, limit: int, with_text: bool = False) -> list[str]:
        return []

    def forget(self, post_ids: Collection[str], *, at: datetime) -> int:
        return 0

    def checkpoint(self, name: str) -> Counts:
        return Counts()

    def add_checkpoint(self, name: str, counts: Counts) -> None:
        pass

    def move_checkpoint(
        self, name: str, target: str | None, *, only: Collection[EntityName] | None = None
    ) -> None:
        pass

    def drop_zeros(self, name: str) -> int:
        return 0

    def name_publication(self, name: str) -> None:
        pass

    def get_record(self, post_id: str) -> PostRecord:
        return PostRecord()

    def post(self, post_id: str) -> PostEntities | None:
        return None

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        return []

    def at_one_time(self) -> AbstractContextManager[None]:
        return nullcontext()

    def publications(
        self, *, limit: int | None = None, after: str | None = None
    ) -> list[Publication]:
        return []

    def publication(self, name: str) -> Publication | None:
        return None

    def publication_by_id(self, pub_id: str) -> Publication | None:
        return None

    def entities(self, name: str, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        return []

    def entities_by_prefix(
        self, name: str, prefix: str, wanted: EntityFilter[KeyCursor]
    ) -> list[StoredEntity]:
        return []

    def entities_within(
        self, name: str, window: DayWindow, wanted: EntityFilter[Cursor], *, prefix: str = ""
    ) -> Ranking:
        return Ranking([], 0, 0, is_exact=True)

    def posts_within(
        self,
        name: str,
        windows: tuple[DayWindow, DayWindow],
        *,
        least: int,
        wanted: WantedPosts = any_posts,
    ) -> PostsWithin:
        return PostsWithin({}, 0, is_exact=True)

    def entities_by_id(self, name: str, ids: Iterable[str]) -> list[StoredEntity]:
        return []

    def entity_everywhere(
        self, entity_id: str, *, limit: int
    ) -> list[tuple[Publication, StoredEntity]]:
        return []

    def find_names(self, wanted: NameFilter) -> NameSearch:
        return NameSearch([], 0, is_exact=True)

    def posts_mentioning(
        self,
        entity_id: str,
        *,
        name: str | None = None,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        return []

    def newest_posts(
        self,
        name: str,
        *,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        return []

    def posts_by_id(self, post_ids: Sequence[str]) -> list[PostEntities]:
        return []

    def publication_names(self, *, limit: int, after: str | None = None) -> list[tuple[str, str]]:
        return []

    def families(self, name: str) -> list[FamilyCounts]:
        return []

    def keep_summary(
        self, pub_id: str, text: str, *, top_entities: str = "", as_of: datetime | None = None
    ) -> None:
        """Keep no summary."""

    def get_top_entities(self, pub_id: str) -> str | None:
        return None

    def records(self, *, limit: int, after: str | None = None) -> dict[str, PostRecord]:
        return {}

    def recount(self, name: str, *, progress: Progress = no_progress) -> Recount:
        return Recount(Counts(), Counts())

    def repair(self, name: str, diff: Counts) -> None:
        """Repair nothing: there is no counter."""

    def prepare_windows(self, pub_id: str, *, limit: int) -> int:
        return 0

    def index_names(self, name: str) -> int:
        return 0

    def index_posts(self, name: str) -> int:
        return 0
