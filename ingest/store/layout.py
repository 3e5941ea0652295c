"""
How counts lie in Firestore: names of documents, and what is written for a group of posts.

    posts/{post_id}                        the post and its entities: marker, proof, and source;
                                           of a deleted one only deleted_at
    publications/{pub_id}                  key, name
    publications/{pub_id}/shards/{n}       posts, days {date: posts}
    publications/{pub_id}/entities/{id}    key, label, text, mentions, posts, days {date: mentions}

Ids are digests: Firestore refuses "/" and "__x__" in one, and publishers do not.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud.firestore_v1 import DELETE_FIELD, SERVER_TIMESTAMP, Increment

from ingest.counts import Counts, EntityCounts, EntityName
from ingest.messages import Entity, PostEntities
from ingest.posts import publication_key
from ingest.revisions import Kept

POSTS = "posts"
PUBLICATIONS = "publications"
SHARDS = "shards"
ENTITIES = "entities"

# A publication's own counters are spread over so many documents, since Firestore sustains about
# one write a second to each.
SHARD_COUNT = 8

Document = dict[str, Any]


def kept_document(kept: Kept, *, keep_content: bool) -> Document:
    """Return what is kept of a post; its content compressed, or left out."""
    deleted = {"deleted_at": kept.deleted_at} if kept.deleted_at else {}
    return deleted | (_post_document(kept.post, keep_content=keep_content) if kept.post else {})


def replacing(fields: Iterable[str], document: Document) -> Document:
    """Return the update that replaces a document of these fields by another."""
    return {**dict.fromkeys(fields, DELETE_FIELD), **document}


def _post_document(post: PostEntities, *, keep_content: bool) -> Document:
    document = post.model_dump(exclude={"post_id", "content", "entities"}, exclude_none=True)
    document["publication_key"] = publication_key(post.publication)
    document["saved_at"] = SERVER_TIMESTAMP
    document["entities"] = [entity._asdict() for entity in post.entities]
    if keep_content:
        document["content"] = zlib.compress(post.content.encode())
    return document


def read_counts(shards: Iterable[Document], entities: Iterable[Document]) -> Counts:
    """Return what the documents of a publication's counters say."""
    posts, days = 0, Counter[str]()
    for shard in shards:
        posts += shard["posts"]
        days.update(shard.get("days", {}))
    return Counts(
        posts,
        present(days),
        {
            (entity["label"], entity["key"]): EntityCounts(
                entity["mentions"], entity["posts"], present(entity.get("days", {}))
            )
            for entity in entities
        },
    )


def present(days: Mapping[str, int]) -> Counter[str]:
    """Leave out the days that count nothing any more."""
    return Counter({day: count for day, count in days.items() if count})


def read_kept(post_id: str, document: Document | None) -> Kept:
    """Return what a post's document keeps, if there is one."""
    if document is None:
        return Kept()
    post = read_post(post_id, document) if "entities" in document else None
    return Kept(post, document.get("deleted_at"))


def read_post(post_id: str, document: Document) -> PostEntities:
    """Return the post that a document keeps; its content is empty if it was left out."""
    fields = {n: v for n, v in document.items() if n in PostEntities.model_fields}
    fields["entities"] = tuple(Entity(**entity) for entity in document["entities"])
    fields["content"] = zlib.decompress(document.get("content", zlib.compress(b""))).decode()
    return PostEntities(post_id=post_id, **fields)


def shard_increments(counts: Counts) -> Document:
    """Return what a group of posts adds to one shard of its publication."""
    return {
        "posts": Increment(counts.posts),
        **_day_increments(counts.days),
    }


def entity_increments(name: EntityName, counts: EntityCounts) -> Document:
    """Return what a group of posts adds to one entity of its publication."""
    label, key = name
    shown = {"text": counts.text} if counts.forms else {}
    return {
        "key": key,
        "label": label,
        **shown,
        "mentions": Increment(counts.mentions),
        "posts": Increment(counts.posts),
        **_day_increments(counts.days),
    }


def _day_increments(days: Mapping[str, int]) -> Document:
    """Return what is added to each day; an empty map would replace the one that is there."""
    return {"days": {day: Increment(count) for day, count in days.items()}} if days else {}
