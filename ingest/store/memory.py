"""A store in a dictionary, for tests: it lives and dies with its process."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from ingest.core.counts import Counts, count_posts, name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.core.revisions import Change, PostRecord
from ingest.store.base import (
    Cursor,
    EntityFilter,
    FamilyCounts,
    KeyCursor,
    PostCursor,
    Publication,
    Recount,
    StoredEntity,
)

# The summary, the top entities, and the change that these are as of.
SavedSummary = tuple[str | None, str | None, datetime | None]
NO_SUMMARY: SavedSummary = (None, None, None)


class MemoryStore:
    """Keep posts, and count them anew at each read."""

    def __init__(self) -> None:
        self._records: dict[str, PostRecord] = defaultdict(PostRecord)
        self._names: dict[str, str] = {}  # of publications, as the first post of each has it
        self._summaries: dict[str, SavedSummary] = {}
        self._changed_at = datetime.now(UTC)

    def add(self, posts: Sequence[PostEntities]) -> int:
        before = len(self._saved())
        for post in posts:
            self._names.setdefault(publication_id(post.publication), post.publication)
            self._change(post.post_id, partial(PostRecord.with_revision, revision=post))
        return len(self._saved()) - before

    def remove(self, post_id: str, *, at: datetime) -> bool:
        before = len(self._saved())
        self._change(post_id, partial(PostRecord.deleted, at=at))
        return len(self._saved()) < before

    def revise(
        self, post_ids: Collection[str], change: Callable[[PostEntities], PostEntities]
    ) -> int:
        revise = partial(PostRecord.changed, change=change)
        return sum(self._change(post_id, revise) for post_id in set(post_ids))

    def get_record(self, post_id: str) -> PostRecord:
        return self._records.get(post_id, PostRecord())

    def post(self, post_id: str) -> PostEntities | None:
        return self.get_record(post_id).post

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        own = sorted(self._of(publication_id(name)), key=lambda post: post.post_id)
        return [post for post in own if after is None or post.post_id > after][:limit]

    def publications(
        self, *, limit: int | None = None, after: str | None = None
    ) -> list[Publication]:
        found = sorted(filter(None, map(self.publication_by_id, self._names)), key=_by_name)
        return [p for p in found if after is None or p.name > after][:limit]

    def publication(self, name: str) -> Publication | None:
        return self.publication_by_id(publication_id(name))

    def publication_by_id(self, pub_id: str) -> Publication | None:
        if pub_id not in self._names:
            return None
        counts = count_posts(self._of(pub_id))
        summary, _, as_of = self._summaries.get(pub_id, NO_SUMMARY)
        return Publication(
            pub_id,
            self._names[pub_id],
            counts.posts,
            counts.days,
            summary=summary,
            changed_at=self._changed_at,
            top_entities_as_of=as_of,
        )

    def entities(self, name: str, wanted: EntityFilter[Cursor]) -> list[StoredEntity]:
        entities = sorted(self._entities(name, wanted.family), key=_cursor, reverse=True)
        return [e for e in entities if wanted.after is None or _cursor(e) < wanted.after][
            : wanted.limit
        ]

    def entities_by_prefix(
        self, name: str, prefix: str, wanted: EntityFilter[KeyCursor]
    ) -> list[StoredEntity]:
        found = (e for e in self._entities(name, wanted.family) if e.key.startswith(prefix))
        entities = sorted(found, key=lambda e: (e.key, e.id))
        return [e for e in entities if wanted.after is None or (e.key, e.id) > wanted.after][
            : wanted.limit
        ]

    def entities_by_id(self, name: str, ids: Iterable[str]) -> list[StoredEntity]:
        wanted = set(ids)
        return [entity for entity in self._entities(name) if entity.id in wanted]

    def entity_everywhere(
        self, entity_id: str, *, limit: int
    ) -> list[tuple[Publication, StoredEntity]]:
        found = [(p, e) for p in self.publications() for e in self._entities(p.name)]
        own = [(p, e) for p, e in found if e.id == entity_id]
        return sorted(own, key=lambda pair: -pair[1].mentions)[:limit]

    def posts_mentioning(
        self,
        entity_id: str,
        *,
        name: str | None = None,
        limit: int,
        after: PostCursor | None = None,
    ) -> list[PostEntities]:
        posts = self._saved() if name is None else self._of(publication_id(name))
        own = [p for p in posts if entity_id in _ids(p)]
        own.sort(key=_post_cursor, reverse=True)
        return list(islice((p for p in own if after is None or _post_cursor(p) < after), limit))

    def families(self, name: str) -> list[FamilyCounts]:
        groups: dict[str, list[int]] = defaultdict(list)
        for entity in self._entities(name):
            groups[entity.family].append(entity.mentions)
        return [FamilyCounts(family, len(m), sum(m)) for family, m in sorted(groups.items())]

    def keep_summary(
        self, pub_id: str, text: str, *, top_entities: str = "", as_of: datetime | None = None
    ) -> None:
        self._summaries[pub_id] = (text, top_entities, as_of)

    def get_top_entities(self, pub_id: str) -> str | None:
        return self._summaries.get(pub_id, NO_SUMMARY)[1]

    def recount(self, name: str) -> Recount:
        counts = self._counts(name)
        return Recount(counts, counts)

    def repair(self, name: str, diff: Counts) -> None:
        """Do nothing: counts that are made anew at each read cannot be wrong."""

    def _change(self, post_id: str, change: Change) -> bool:
        before = self._records[post_id]
        self._records[post_id] = change(before)
        changed = self._records[post_id] != before
        if changed:
            self._changed_at = datetime.now(UTC)
        return changed

    def _saved(self) -> list[PostEntities]:
        return [record.post for record in self._records.values() if record.post]

    def _of(self, pub_id: str) -> list[PostEntities]:
        return [p for p in self._saved() if publication_id(p.publication) == pub_id]

    def _counts(self, name: str) -> Counts:
        return count_posts(self._of(publication_id(name)))

    def _entities(self, name: str, family: str | None = None) -> list[StoredEntity]:
        entities = self._counts(name).entities
        return [StoredEntity.of(n, c) for n, c in entities.items() if family in (None, n[0])]


def _ids(post: PostEntities) -> set[str]:
    return {entity_id(*name_of(entity)) for entity in post.entities}


def _by_name(publication: Publication) -> str:
    return publication.name


def _cursor(entity: StoredEntity) -> Cursor:
    return Cursor(entity.mentions, entity.id)


def _post_cursor(post: PostEntities) -> PostCursor:
    return PostCursor(post.day.isoformat(), post.post_id)
