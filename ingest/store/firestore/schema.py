"""
How counts lie in Firestore: names of documents, and what is written for a group of posts.

    posts/{post_id}                        the post and its entities: marker, proof, and source;
                                           of a deleted one only deleted_at
    publications/{pub_id}                  key, name
    publications/{pub_id}/summaries/now    text: the summary of the pages, of some minutes ago;
                                           as_of: the last change of the counts before it
    publications/{pub_id}/summaries/leading  text: the entities that are mentioned most
    publications/{pub_id}/shards/{n}       posts, days {date: posts}, changes
    publications/{pub_id}/entities/{id}    id, family, key, mentions, posts,
                                           days {date: mentions}, labels {label: mentions},
                                           forms {"=" + text: mentions}

Ids are digests: Firestore refuses "/" and "__x__" in one, and publishers do not.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud.firestore_v1 import DELETE_FIELD, SERVER_TIMESTAMP, Increment

from ingest.core.counts import Counts, EntityCounts, EntityName, Tally, name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import Entity, PostEntities
from ingest.core.posts import publication_key
from ingest.core.revisions import PostRecord

POSTS = "posts"
PUBLICATIONS = "publications"
SHARDS = "shards"
ENTITIES = "entities"
SUMMARIES = "summaries"
NOW, LEADING = "now", "leading"

# What the name of a form's field begins with: Firestore keeps names such as __x__ for itself.
FORM = "="

# A publication's own counters are spread over so many documents, since Firestore sustains about
# one write a second to each.
SHARD_COUNT = 8

Document = dict[str, Any]

# The fields of a post that hold entities, each of which is a map.
_ENTITIES = {"entities", "found"}
# And those that are not record, or kept elsewhere.
_LEFT_OUT = {"post_id", "content", "request_id", "traceparent", *_ENTITIES}


def record_document(record: PostRecord, *, keep_content: bool) -> Document:
    """Return what is kept of a post; its content compressed, or left out."""
    deleted = {"deleted_at": record.deleted_at} if record.deleted_at else {}
    return deleted | (_post_document(record.post, keep_content=keep_content) if record.post else {})


def replacement_update(fields: Iterable[str], document: Document) -> Document:
    """Return the update that replaces a document of these fields by another."""
    return {**dict.fromkeys(fields, DELETE_FIELD), **document}


def _post_document(post: PostEntities, *, keep_content: bool) -> Document:
    document = post.model_dump(exclude=_LEFT_OUT, exclude_none=True)
    document["publication_key"] = publication_key(post.publication)
    document["saved_at"] = SERVER_TIMESTAMP
    for name in _ENTITIES:
        entities = getattr(post, name)
        if entities is not None:
            document[name] = [entity._asdict() for entity in entities]
    document |= _what_is_looked_for(post)
    if keep_content:
        document["content"] = zlib.compress(post.content.encode())
    return document


def _what_is_looked_for(post: PostEntities) -> Document:
    """Return the fields by which the posts that mention an entity are found, the newest first."""
    ids = {entity_id(*name_of(entity)) for entity in post.entities}
    return {"day": post.day.isoformat(), "entity_ids": sorted(ids)}


def read_counts(shards: Iterable[Document], entities: Iterable[Document]) -> Counts:
    """Return what the documents of a publication's counters say."""
    posts, days = 0, Counter[str]()
    for shard in shards:
        posts += shard["posts"]
        days.update(shard.get("days", {}))
    counts = {(e["family"], e["key"]): read_entity_counts(e) for e in entities}
    return Counts(posts, present(days), {name: entity for name, entity in counts.items() if entity})


def read_entity_counts(entity: Document) -> EntityCounts:
    """Return what the document of one entity says."""
    forms = {name.removeprefix(FORM): count for name, count in entity.get("forms", {}).items()}
    return EntityCounts(
        entity["mentions"],
        entity["posts"],
        present(entity.get("days", {})),
        present(forms),
        present(entity.get("labels", {})),
    )


def present(tally: Mapping[str, int]) -> Tally:
    """Leave out what counts nothing any more."""
    return Counter({name: count for name, count in tally.items() if count})


def read_record(post_id: str, document: Document | None) -> PostRecord:
    """Return what a post's document keeps, if there is one."""
    if document is None:
        return PostRecord()
    post = read_post(post_id, document) if "entities" in document else None
    return PostRecord(post, document.get("deleted_at"))


def read_post(post_id: str, document: Document) -> PostEntities:
    """Return the post that a document keeps; its content is empty if it was left out."""
    fields = {n: v for n, v in document.items() if n in PostEntities.model_fields}
    for name in _ENTITIES & document.keys():
        fields[name] = tuple(Entity(**entity) for entity in document[name])
    fields["content"] = zlib.decompress(document.get("content", zlib.compress(b""))).decode()
    return PostEntities(post_id=post_id, **fields)


def shard_increments(counts: Counts) -> Document:
    """Return what a group of posts adds to one shard of its publication."""
    return {
        "posts": Increment(counts.posts),
        **_increments("days", counts.days),
        # A write that changes nothing would not show when the counts have changed.
        "changes": Increment(1),
    }


def entity_increments(name: EntityName, counts: EntityCounts) -> Document:
    """Return what a group of posts adds to one entity of its publication."""
    family, key = name
    return {
        "id": entity_id(*name),
        "family": family,
        "key": key,
        "mentions": Increment(counts.mentions),
        "posts": Increment(counts.posts),
        **_increments("days", counts.days),
        **_increments("labels", counts.labels),
        **_increments("forms", {FORM + form: count for form, count in counts.forms.items()}),
    }


def _increments(field: str, tally: Mapping[str, int]) -> Document:
    """Return what is added to each count of a map; an empty map would replace the one there is."""
    return {field: {name: Increment(count) for name, count in tally.items()}} if tally else {}
