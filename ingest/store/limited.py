"""A reader that shows some publications only, as if the store had no others."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from heapq import merge
from itertools import islice
from typing import TypeVar

from ingest.core.day_window import EVERY_DAY, DayWindow
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.store.base import (
    Cursor,
    EntityFilter,
    FamilyCounts,
    KeyCursor,
    NameFilter,
    NameSearch,
    PostCursor,
    PostsWithin,
    Publication,
    Ranking,
    StoredEntity,
    StoreReader,
    WantedPosts,
    any_posts,
)

T = TypeVar("T")


class LimitedReader:
    """
    Read the publications of these names, and nothing of others.

    It asks the store about each publication that it may show. So no sum, list or search counts
    what it may not show.
    """

    def __init__(self, store: StoreReader, names: Collection[str]) -> None:
        self._store = store
        self._names = {publication_id(name): name for name in names}

    def at_one_time(self) -> AbstractContextManager[None]:
        return self._store.at_one_time()

    def publications(
        self, *, limit: int | None = None, after: str | None = None
    ) -> list[Publication]:
        found = [self._store.publication_by_id(pub_id) for pub_id in self._names]
        shown = [p for p in found if p and p.posts and (after is None or p.name > after)]
        return sorted(shown, key=lambda publication: publication.name)[:limit]

    def publication(self, name: str) -> Publication | None:
        return self._if_shown(name, lambda: self._store.publication(name), None)

    def publication_by_id(self, pub_id: str) -> Publication | None:
        return self._store.publication_by_id(pub_id) if pub_id in self._names else None

    def entities(self, name: str, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        return self._if_shown(name, lambda: self._store.entities(name, wanted), [])

    def entities_by_prefix(
        self, name: str, prefix: str, wanted: EntityFilter[KeyCursor]
    ) -> list[StoredEntity]:
        return self._if_shown(
            name, lambda: self._store.entities_by_prefix(name, prefix, wanted), []
        )

    def entities_within(
        self, name: str, window: DayWindow, wanted: EntityFilter[Cursor], *, prefix: str = ""
    ) -> Ranking:
        nothing = Ranking([], 0, 0, is_exact=True)
        return self._if_shown(
            name, lambda: self._store.entities_within(name, window, wanted, prefix=prefix), nothing
        )

    def posts_within(
        self,
        name: str,
        windows: tuple[DayWindow, DayWindow],
        *,
        least: int,
        wanted: WantedPosts = any_posts,
    ) -> PostsWithin:
        nothing = PostsWithin({}, 0, is_exact=True)
        return self._if_shown(
            name,
            lambda: self._store.posts_within(name, windows, least=least, wanted=wanted),
            nothing,
        )

    def entities_by_id(self, name: str, ids: Iterable[str]) -> list[StoredEntity]:
        return self._if_shown(name, lambda: self._store.entities_by_id(name, ids), [])

    def entity_everywhere(
        self, entity_id: str, *, limit: int
    ) -> list[tuple[Publication, StoredEntity]]:
        found = [
            (publication, entity)
            for publication in self.publications()
            for entity in self._store.entities_by_id(publication.name, [entity_id])
            if entity.mentions > 0
        ]
        return sorted(found, key=lambda pair: pair[1].mentions, reverse=True)[:limit]

    def find_names(self, wanted: NameFilter) -> NameSearch:
        return self._store.find_names(replace(wanted, publications=set(self._names)))

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
        names = self._names.values() if name is None else [n for n in [name] if self._shows(n)]
        lists = [
            self._store.posts_mentioning(
                entity_id, name=each, window=window, limit=limit, after=after, content=content
            )
            for each in names
        ]
        newest_first = merge(*lists, key=lambda post: (post.day, post.post_id), reverse=True)
        return list(islice(newest_first, limit))

    def newest_posts(
        self,
        name: str,
        *,
        window: DayWindow = EVERY_DAY,
        limit: int,
        after: PostCursor | None = None,
        content: bool = True,
    ) -> list[PostEntities]:
        read = partial(self._store.newest_posts, name, window=window, limit=limit, after=after)
        return self._if_shown(name, lambda: read(content=content), [])

    def posts_by_id(self, post_ids: Sequence[str]) -> list[PostEntities]:
        return [p for p in self._store.posts_by_id(post_ids) if self._shows(p.publication)]

    def publication_names(self, *, limit: int, after: str | None = None) -> list[tuple[str, str]]:
        return [(p.id, p.name) for p in self.publications(limit=limit, after=after)]

    def families(self, name: str) -> list[FamilyCounts]:
        return self._if_shown(name, lambda: self._store.families(name), [])

    def keep_summary(
        self, pub_id: str, text: str, *, top_entities: str = "", as_of: datetime | None = None
    ) -> None:
        if pub_id in self._names:
            self._store.keep_summary(pub_id, text, top_entities=top_entities, as_of=as_of)

    def get_top_entities(self, pub_id: str) -> str | None:
        return self._store.get_top_entities(pub_id) if pub_id in self._names else None

    def _shows(self, name: str) -> bool:
        return publication_id(name) in self._names

    def _if_shown(self, name: str, read: Callable[[], T], nothing: T) -> T:
        return read() if self._shows(name) else nothing
