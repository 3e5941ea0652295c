"""
The Firestore schema: names of documents, their fields, and the increments of counters.

    posts/{post_id}                        the post and its entities; its existence proves that the
                                           post counts; a deleted post has only deleted_at, and
                                           a forgotten one only forgotten_at
    publications/{pub_id}                  key, name
    publications/{pub_id}/summaries/now    text: the summary that pages show, some minutes old;
                                           as_of: the last change of the counts before it
    publications/{pub_id}/summaries/leading  text: the top entities
    publications/{pub_id}/shards/{n}       posts, days {date: posts}, changes
    publications/{pub_id}/entities/{id}    id, family, key, mentions, posts,
                                           days {date: mentions}, post_days {date: posts},
                                           labels {label: mentions},
                                           forms {"=" + text: mentions}
    names/{entity id}                      id, family, key, beginnings [of each word],
                                           magnitude: of its mentions in one publication
    publications/{pub_id}/forgotten_shards/{n}, forgotten_entities/{id}
                                           the same sums, over forgotten posts: the checkpoint
    control/ramp                           started_at: the first write, since when the load grows

Ids are digests, since Firestore refuses ids with "/" or like "__x__", and names may have both.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ingest.core.counts import Counts, EntityCounts, EntityName, Tally, name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import Entity, PostEntities
from ingest.core.name_search import word_beginnings
from ingest.core.posts import publication_key
from ingest.core.revisions import PostRecord

POSTS = "posts"
PUBLICATIONS = "publications"
SHARDS = "shards"
ENTITIES = "entities"
SUMMARIES = "summaries"
# The collections of the sums over a publication's forgotten posts.
FORGOTTEN_SHARDS, FORGOTTEN_ENTITIES = "forgotten_shards", "forgotten_entities"
CONTROL, RAMP = "control", "ramp"
NAMES, BEGINNINGS, MAGNITUDE = "names", "beginnings", "magnitude"
SUMMARY, TOP_ENTITIES = "now", "leading"

# The prefix of the field name of a form, since Firestore reserves names such as __x__.
FORM = "="

# The documents of a publication's own counters; Firestore sustains about one write a second each.
SHARD_COUNT = 8

# The day of a post's acceptance, for each post and for those with a text. Those of 0.1.0 lack it.
ACCEPTED_DAY, TEXT_DAY = "accepted_day", "text_day"

# The field of a post that takes the time of the commit.
SAVED_AT = "saved_at"

Document = dict[str, Any]

# The fields of a post with entities, each of them a map.
_ENTITY_FIELDS = {"entities", "found"}
# The fields that a document has in another form, or not at all.
_EXCLUDED_FIELDS = {
    *("post_id", "content", "request_id", "traceparent", "priority", "key_id"),
    *_ENTITY_FIELDS,
}


def record_document(record: PostRecord, *, keep_content: bool) -> Document:
    """Return the document of a record; its content is compressed, or left out."""
    known = {"deleted_at": record.deleted_at, "forgotten_at": record.forgotten_at}
    times = {name: time for name, time in known.items() if time}
    return times | (_post_document(record.post, keep_content=keep_content) if record.post else {})


def _post_document(post: PostEntities, *, keep_content: bool) -> Document:
    document = post.model_dump(exclude=_EXCLUDED_FIELDS, exclude_none=True)
    document["publication_key"] = publication_key(post.publication)
    for name in _ENTITY_FIELDS:
        entities = getattr(post, name)
        if entities is not None:
            document[name] = [entity._asdict() for entity in entities]
    document |= _index_fields(post)
    if keep_content and post.content:
        document["content"] = zlib.compress(post.content.encode())
    return document | day_fields(post.accepted_day, has_text="content" in document)


def day_fields(accepted_day: str, *, has_text: bool) -> Document:
    """
    Return the fields by which posts are found that are older than a day.

    Equal days are spread over their index by the posts' ids. So no place of it is written most.
    """
    own = {ACCEPTED_DAY: accepted_day}
    return {**own, TEXT_DAY: accepted_day} if has_text else own


def _index_fields(post: PostEntities) -> Document:
    """Return the fields of the index for the posts of an entity, sorted by day."""
    ids = {entity_id(*name_of(entity)) for entity in post.entities}
    return {"day": post.day.isoformat(), "entity_ids": sorted(ids)}


def read_counts(shards: Iterable[Document], entities: Iterable[Document]) -> Counts:
    """Return the counts in the documents of a publication's counters."""
    posts, days = 0, Counter[str]()
    for shard in shards:
        posts += shard["posts"]
        days.update(shard.get("days", {}))
    counts = {(e["family"], e["key"]): read_entity_counts(e) for e in entities}
    return Counts(posts, present(days), {name: entity for name, entity in counts.items() if entity})


def read_entity_counts(entity: Document) -> EntityCounts:
    """Return the counts in the document of one entity."""
    forms = {name.removeprefix(FORM): count for name, count in entity.get("forms", {}).items()}
    return EntityCounts(
        entity["mentions"],
        entity["posts"],
        present(entity.get("days", {})),
        present(forms),
        present(entity.get("labels", {})),
        present(entity.get("post_days", {})),
    )


def present(tally: Mapping[str, int]) -> Tally:
    """Return a tally without the zeros that subtraction leaves."""
    return Counter({name: count for name, count in tally.items() if count})


def read_record(post_id: str, document: Document | None) -> PostRecord:
    """Return the record in a post's document; an empty one if there is no document."""
    if document is None:
        return PostRecord()
    post = read_post(post_id, document) if "entities" in document else None
    return PostRecord(post, document.get("deleted_at"), document.get("forgotten_at"))


def read_post(post_id: str, document: Document) -> PostEntities:
    """Return the post in a document; its content is "" if the document has none."""
    fields = {n: v for n, v in document.items() if n in PostEntities.model_fields}
    for name in _ENTITY_FIELDS & document.keys():
        fields[name] = tuple(Entity(**entity) for entity in document[name])
    fields["content"] = zlib.decompress(document.get("content", zlib.compress(b""))).decode()
    return PostEntities(post_id=post_id, **fields)


def name_document(name: EntityName) -> Document:
    """Return the document of a name, without its magnitude."""
    family, key = name
    own = {"id": entity_id(*name), "family": family, "key": key}
    return {**own, BEGINNINGS: word_beginnings(key)}


class Additions(NamedTuple):
    """What a commit adds to a document of counters, beside the texts that it sets."""

    fields: Mapping[str, str]
    sums: Mapping[str, int]
    tallies: Mapping[str, Mapping[str, int]]


def shard_additions(counts: Counts) -> Additions:
    """Return what is added to one shard of a publication."""
    # The document must change, since its update time shows that counts have changed.
    return Additions({}, {"posts": counts.posts, "changes": 1}, {"days": counts.days})


def entity_additions(name: EntityName, counts: EntityCounts) -> Additions:
    """Return what is added to one entity of a publication."""
    family, key = name
    return Additions(
        {"id": entity_id(*name), "family": family, "key": key},
        {"mentions": counts.mentions, "posts": counts.posts},
        {
            "days": counts.days,
            "post_days": counts.post_days,
            "labels": counts.labels,
            "forms": {FORM + form: count for form, count in counts.forms.items()},
        },
    )
