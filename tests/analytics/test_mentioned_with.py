"""Companions are counted over a stated sample, and lift is against the publication."""

from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import pytest

from ingest.analytics import mentioned_with
from ingest.analytics.mentioned_with import (
    MentionedWith,
    MentionedWithQuery,
    read_mentioned_with,
    to_graphml,
)
from ingest.core.entity_names import entity_id
from ingest.store.base import Store
from tests.support.factories import entity, with_entities

OBAMA = entity_id("PERSON", "obama")
BIDEN, OSLO, EVERYWHERE = entity("Biden"), entity("Oslo", label="GPE"), entity("Everywhere")


def on(day: int) -> datetime:
    """Return a moment of a day in May."""
    return datetime(2026, 5, day, 9, tzinfo=UTC)


POSTS = [
    with_entities("1", [entity("Obama"), BIDEN, OSLO, EVERYWHERE], published_at=on(1)),
    with_entities("2", [entity("Obama"), BIDEN, OSLO, EVERYWHERE], published_at=on(2)),
    with_entities("3", [entity("Obama"), BIDEN, EVERYWHERE], published_at=on(3)),
    with_entities("4", [entity("Obama"), entity("Once")], published_at=on(4)),
    *(with_entities(str(n), [EVERYWHERE], published_at=on(n)) for n in range(5, 9)),
    with_entities("9", [entity("Obama"), entity("Elsewhere")], publication="The Wire"),
]


def read(store: Store, **parameters: object) -> MentionedWith:
    store.add(POSTS)
    publication = store.publication("The Gazette")
    assert publication
    query = MentionedWithQuery(**parameters)  # type: ignore[arg-type]
    found = read_mentioned_with(store, OBAMA, publication, query)
    assert found
    return found


def test_companions_come_by_posts_with_their_lift(store: Store) -> None:
    found = read(store)
    assert (found.posts, found.of_posts) == (4, 4)
    assert [(c.entity.text, c.together, c.share, c.usual_share) for c in found.companions] == [
        ("Biden", 3, 0.75, 3 / 8),
        ("Everywhere", 3, 0.75, 7 / 8),
        ("Oslo", 2, 0.5, 2 / 8),
    ]
    assert [c.lift for c in found.companions] == [2.0, pytest.approx(6 / 7), 2.0]
    (most, *_) = found.links
    assert ({most.first, most.second}, most.posts) == (
        {entity_id("PERSON", "biden"), entity_id("PERSON", "everywhere")},
        3,
    )


def test_lift_has_a_floor_of_posts(store: Store) -> None:
    found = read(store, order="lift")
    assert [c.entity.text for c in found.companions] == ["Biden", "Everywhere"]


def test_days_and_a_family_narrow_the_sample_and_what_is_usual(store: Store) -> None:
    found = read(store, since="2026-05-02", family="PERSON", until="2026-05-03")
    assert (found.posts, found.of_posts) == (2, 2)
    assert [(c.entity.text, c.usual_share) for c in found.companions] == [
        ("Biden", 1.0),
        ("Everywhere", 1.0),
    ]


def test_the_sample_is_of_the_newest_posts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mentioned_with, "SAMPLE_POSTS", 3)
    found = read(store)
    assert (found.posts, found.of_posts) == (3, 4)
    assert [(c.entity.text, c.together) for c in found.companions] == [
        ("Biden", 2),
        ("Everywhere", 2),
    ]


def test_graphml_has_the_name_its_companions_and_their_links(store: Store) -> None:
    found = read(store)
    graph = fromstring(to_graphml(found, source="here"))  # noqa: S314
    own = "{http://graphml.graphdrawing.org/xmlns}"
    assert len(list(graph.iter(f"{own}node"))) == 4
    assert len(list(graph.iter(f"{own}edge"))) == 3 + len(found.links)
    assert [each.text for each in graph.iter(f"{own}desc")] == ["here"]


def test_a_publication_that_does_not_mention_a_name_has_no_companions(store: Store) -> None:
    store.add(POSTS)
    wire = store.publication("The Wire")
    assert wire
    oslo = entity_id("PLACE", "oslo")
    assert read_mentioned_with(store, oslo, wire, MentionedWithQuery()) is None
