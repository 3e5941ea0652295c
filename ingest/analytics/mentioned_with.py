"""Whom the posts that mention a name mention too, counted over a sample of its newest posts."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Literal, NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pydantic import Field

from ingest.analytics.comparison_query import DayRange
from ingest.analytics.entity_list import MAX_LIMIT, Family
from ingest.core.counts import name_of
from ingest.core.day_window import DayWindow
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.core.posts import MAX_NAME_CHARACTERS
from ingest.store.base import Publication, StoredEntity, StoreReader

SAMPLE_POSTS = 1000
# Fewer posts together say little: a lift of 200 may be one post.
MIN_POSTS = 2
MIN_POSTS_OF_LIFT = 3
# The names of the sample whose counts in the publication are read.
MAX_CANDIDATES = 200
NETWORK_NAMES = 20

DEFAULT_COMPANIONS = 50


class MentionedWithQuery(DayRange):
    """The parameters of a list of companions, which is of one publication."""

    publication: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)] | None = None
    family: Family | None = None
    order: Literal["posts", "lift"] = "posts"
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_COMPANIONS


class Companion(NamedTuple):
    """
    A name that is mentioned in the same posts as another.

    Args:
        together: how many posts of the sample mention both.
        share: of the sample.
        usual_share: of all posts of the publication within the window.
        lift: how many times as often as usual; None where the usual share is not known.
    """

    entity: StoredEntity
    together: int
    share: float
    usual_share: float
    lift: float | None


class Link(NamedTuple):
    """Two companions, by their ids, and the posts of the sample that mention both."""

    first: str
    second: str
    posts: int


@dataclass(frozen=True)
class MentionedWith:
    """
    The companions of an entity in a publication, with the sample.

    Args:
        posts: the sample: the newest posts that mention the entity within the window.
        of_posts: how many posts within the window mention it.
        links: among the first companions.
    """

    entity: StoredEntity
    publication: Publication
    window: DayWindow
    posts: int
    of_posts: int
    companions: list[Companion]
    links: list[Link]

    @property
    def network(self) -> list[Companion]:
        """The companions that the picture and the graph show."""
        return self.companions[:NETWORK_NAMES]


def read_mentioned_with(
    store: StoreReader, entity_id: str, publication: Publication, query: MentionedWithQuery
) -> MentionedWith | None:
    """Count the companions of an entity; None if the publication does not mention it."""
    found = store.entities_by_id(publication.name, [entity_id])
    if not found or not found[0].mentions:
        return None
    entity, window = found[0], query.window
    sample = store.posts_mentioning(
        entity_id, name=publication.name, window=window, limit=SAMPLE_POSTS, content=False
    )
    mentioned = [_ids(post) - {entity_id} for post in sample]
    companions = _companions(store, publication, query, sample, mentioned)[: query.limit]
    return MentionedWith(
        entity,
        publication,
        window,
        len(sample),
        window.total(entity.post_days),
        companions,
        _links({c.entity.id for c in companions[:NETWORK_NAMES]}, mentioned),
    )


def most_mentioning(store: StoreReader, entity_id: str) -> Publication | None:
    """Return the publication that mentions an entity most."""
    return next((p for p, _ in store.entity_everywhere(entity_id, limit=1)), None)


def _ids(post: PostEntities) -> set[str]:
    return {entity_id(*name_of(entity)) for entity in post.entities}


def _companions(
    store: StoreReader,
    publication: Publication,
    query: MentionedWithQuery,
    sample: Sequence[PostEntities],
    mentioned: Sequence[Collection[str]],
) -> list[Companion]:
    together = Counter(id_ for ids in mentioned for id_ in ids)
    least = MIN_POSTS_OF_LIFT if query.order == "lift" else MIN_POSTS
    families = _families(sample)
    frequent = (
        id_
        for id_, posts in sorted(together.items(), key=lambda pair: (-pair[1], pair[0]))
        if posts >= least and query.family in (None, families[id_])
    )
    candidates = [id_ for id_, _ in zip(frequent, range(MAX_CANDIDATES), strict=False)]
    of_posts = query.window.total(publication.days)
    found = [
        _companion(entity, together[entity.id], len(sample), query.window, of_posts)
        for entity in store.entities_by_id(publication.name, candidates)
    ]
    by_lift = query.order == "lift"
    return sorted(
        found,
        key=lambda c: (-(c.lift or 0) if by_lift else 0, -c.together, c.entity.key, c.entity.id),
    )


def _families(sample: Sequence[PostEntities]) -> dict[str, str]:
    names = {name_of(entity) for post in sample for entity in post.entities}
    return {entity_id(*name): name[0] for name in names}


def _companion(
    entity: StoredEntity, together: int, posts: int, window: DayWindow, of_posts: int
) -> Companion:
    share = together / posts
    usual = window.total(entity.post_days) / of_posts if of_posts else 0.0
    return Companion(entity, together, share, usual, share / usual if usual else None)


def _links(ids: set[str], mentioned: Sequence[Collection[str]]) -> list[Link]:
    """Return which of these names the same posts mention, the most frequent pairs first."""
    pairs: Counter[tuple[str, str]] = Counter()
    for own in mentioned:
        pairs.update(combinations(sorted(ids & set(own)), 2))
    return [Link(*pair, posts) for pair, posts in pairs.most_common() if posts >= MIN_POSTS]


GRAPHML = "http://graphml.graphdrawing.org/xmlns"
NODE_FIELDS = {"label": "string", "family": "string", "posts": "int", "lift": "double"}


def to_graphml(found: MentionedWith, *, source: str) -> bytes:
    """Return the network as GraphML, which Gephi, yEd and networkx read."""
    root = Element("graphml", xmlns=GRAPHML)
    for name, kind in NODE_FIELDS.items():
        _key(root, name, "node", kind)
    _key(root, "weight", "edge", "int")
    graph = SubElement(root, "graph", id=found.entity.id, edgedefault="undirected")
    SubElement(graph, "desc").text = source
    _node(graph, found.entity, posts=found.posts, lift=None)
    for companion in found.network:
        _node(graph, companion.entity, posts=companion.together, lift=companion.lift)
        _edge(graph, Link(found.entity.id, companion.entity.id, companion.together))
    for link in found.links:
        _edge(graph, link)
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _key(root: Element, name: str, of: str, kind: str) -> None:
    SubElement(root, "key", {"id": name, "for": of, "attr.name": name, "attr.type": kind})


def _node(graph: Element, entity: StoredEntity, *, posts: int, lift: float | None) -> None:
    node = SubElement(graph, "node", id=entity.id)
    values = {"label": entity.text, "family": entity.family, "posts": posts, "lift": lift}
    for name, value in values.items():
        if value is not None:
            SubElement(node, "data", key=name).text = str(value)


def _edge(graph: Element, link: Link) -> None:
    edge = SubElement(graph, "edge", source=link.first, target=link.second)
    SubElement(edge, "data", key="weight").text = str(link.posts)
