"""Posts to test with."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ingest.core.entity_names import entity_key
from ingest.core.messages import AcceptedPost, Entity, PostEntities
from ingest.core.posts import Post

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def accepted(
    content: str, *, publication: str = "The Gazette", id: str | None = None
) -> AcceptedPost:
    """Return a post as it travels to the extract step."""
    post = Post(content=content, publication=publication, id=id)
    return AcceptedPost.from_post(post, accepted_at=NOON)


def entity(text: str, mentions: int = 1, *, label: str = "PERSON") -> Entity:
    """Return an entity of a post."""
    return Entity(entity_key(text) or text, label, text, mentions)


def with_entities(
    id: str,
    entities: Sequence[Entity] = (),
    *,
    publication: str = "The Gazette",
    published_at: datetime | None = None,
    accepted_at: datetime = NOON,
) -> PostEntities:
    """Return a post as it travels to the save step."""
    post = Post(content=f"Post {id}.", publication=publication, id=id, published_at=published_at)
    fields = dict(AcceptedPost.from_post(post, accepted_at=accepted_at))
    return PostEntities(**fields, model="test 1.0", entities=tuple(entities))
