"""A store in a dictionary, for tests: it lives and dies with its process."""

from collections.abc import Sequence

from ingest.counts import Counts, count_posts
from ingest.messages import PostEntities
from ingest.names import entity_id
from ingest.posts import publication_id
from ingest.store import Cursor, Publication, Recount, StoredEntity


class MemoryStore:
    """Keep posts, and count them anew whenever they are asked for."""

    def __init__(self) -> None:
        self._posts: dict[str, PostEntities] = {}

    def add(self, posts: Sequence[PostEntities]) -> int:
        before = len(self._posts)
        for post in posts:
            self._posts.setdefault(post.post_id, post)
        return len(self._posts) - before

    def post(self, post_id: str) -> PostEntities | None:
        return self._posts.get(post_id)

    def publications(self) -> list[Publication]:
        names: dict[str, str] = {}
        for post in self._posts.values():
            names.setdefault(publication_id(post.publication), post.publication)
        found = (self.publication(name) for name in names.values())
        return sorted((p for p in found if p), key=lambda publication: publication.name)

    def publication(self, name: str) -> Publication | None:
        posts = self._of(name)
        if not posts:
            return None
        days = sorted(self._counts(name).days)
        id_ = publication_id(name)
        return Publication(id_, posts[0].publication, len(posts), days[0], days[-1])

    def entities(self, name: str, *, limit: int, after: Cursor | None = None) -> list[StoredEntity]:
        entities = [
            StoredEntity(entity_id(label, key), key, label, e.text, e.mentions, e.posts)
            for (label, key), e in self._counts(name).entities.items()
        ]
        entities.sort(key=_place, reverse=True)
        return [e for e in entities if after is None or _place(e) < after][:limit]

    def recount(self, name: str) -> Recount:
        counts = self._counts(name)
        return Recount(counts, counts)

    def repair(self, name: str, wrong: Counts) -> None:
        """Do nothing: what is counted anew each time cannot be wrong."""

    def _of(self, name: str) -> list[PostEntities]:
        wanted = publication_id(name)
        return [p for p in self._posts.values() if publication_id(p.publication) == wanted]

    def _counts(self, name: str) -> Counts:
        return count_posts(self._of(name))


def _place(entity: StoredEntity) -> Cursor:
    return Cursor(entity.mentions, entity.id)
