"""Reading some publications: as if the store had no others."""

import pytest

from ingest.core.day_window import DayWindow
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.store.base import Cursor, EntityFilter, KeyCursor, NameFilter, Store
from ingest.store.limited import LimitedReader
from tests.support.factories import entity, with_entities

OBAMA = entity_id("PERSON", "obama")
OTHER, OWN = "The Mirror", ("the  gazette", "Herald")


@pytest.fixture
def reader(store: Store) -> LimitedReader:
    """Return a reader of two of three publications, each of which mentions Obama."""
    posts = [
        with_entities(f"{name} {number}", [entity("Obama", mentions)], publication=name)
        for name, mentions in (("The Gazette", 1), ("Herald", 2), (OTHER, 5))
        for number in range(2)
    ]
    store.add(posts)
    return LimitedReader(store, OWN)


def test_lists_sums_and_posts_are_those_of_its_publications(reader: LimitedReader) -> None:
    assert [p.name for p in reader.publications()] == ["Herald", "The Gazette"]
    assert [p.name for p in reader.publications(limit=1, after="Herald")] == ["The Gazette"]
    everywhere = reader.entity_everywhere(OBAMA, limit=10)
    assert [(p.name, e.mentions) for p, e in everywhere] == [("Herald", 4), ("The Gazette", 2)]
    first = reader.posts_mentioning(OBAMA, limit=3)
    posts = {post.publication for post in reader.posts_mentioning(OBAMA, limit=10)}
    assert (len(first), posts) == (3, {"Herald", "The Gazette"})
    assert len(reader.entities("Herald", EntityFilter(limit=5))) == 1
    (found,) = reader.find_names(NameFilter(words=("obama",), limit=5)).names
    assert (found.entity.mentions, found.entity.posts) == (6, 4)
    assert [p.name for p in found.publications] == ["Herald", "The Gazette"]


def test_another_publication_has_nothing_and_is_not_there(reader: LimitedReader) -> None:
    top = EntityFilter[Cursor](limit=5)
    by_key = EntityFilter[KeyCursor](limit=5)
    assert reader.publication(OTHER) is None
    assert reader.publication_by_id(publication_id(OTHER)) is None
    assert reader.entities(OTHER, top) == []
    assert reader.entities_by_prefix(OTHER, "o", by_key) == []
    assert reader.entities_within(OTHER, DayWindow(None, None), top).entities == []
    assert reader.entities_by_id(OTHER, [OBAMA]) == []
    assert reader.posts_mentioning(OBAMA, name=OTHER, limit=5) == []
    assert reader.families(OTHER) == []
    windows = (DayWindow(), DayWindow())
    assert reader.posts_within(OTHER, windows, least=1).posts == {}
    assert reader.posts_within("Herald", windows, least=1).posts == {OBAMA: (2, 2)}
    assert reader.get_top_entities(publication_id(OTHER)) is None
