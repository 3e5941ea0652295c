"""An entity's counts across publications, and in one of them."""

from datetime import UTC, datetime

import pytest

from ingest.analytics.entity_overview import (
    MAX_PUBLICATIONS,
    EntityOverview,
    read_entity_overview,
)
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.store.base import Store
from tests.support.factories import entity, with_entities

OBAMA = entity_id("PERSON", "obama")


def on(day: int) -> datetime:
    """Return a time on a day in May."""
    return datetime(2026, 5, day, 9, tzinfo=UTC)


POSTS = [
    with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")], published_at=on(3)),
    with_entities("2", [entity("Obama", 3)], published_at=on(1)),
    with_entities("3", published_at=on(1)),
    with_entities("4", [entity("OBAMA")], publication="Zeitung", published_at=on(3)),
]


def read(store: Store, publication: str | None = None) -> EntityOverview:
    """Return Obama's overview, narrowed to a publication."""
    store.add(POSTS)
    pub_id = publication_id(publication) if publication else None
    overview = read_entity_overview(store, OBAMA, publication_id=pub_id)
    assert overview
    return overview


def counts(overview: EntityOverview) -> tuple[int, int, int, dict[str, int]]:
    return overview.mentions, overview.posts, overview.of_posts, overview.days


def test_counts_are_sums_over_all_publications(store: Store) -> None:
    overview = read(store)
    assert counts(overview) == (6, 3, 4, {"2026-05-01": 3, "2026-05-03": 3})
    assert list(overview.days) == ["2026-05-01", "2026-05-03"]
    assert overview.narrowed_to is None


def test_the_publication_with_the_most_mentions_comes_first(store: Store) -> None:
    overview = read(store)
    assert [(p.name, p.posts, e.mentions, e.posts) for p, e in overview.occurrences] == [
        ("The Gazette", 3, 5, 2),
        ("Zeitung", 1, 1, 1),
    ]
    assert (overview.entity.text, overview.entity.label) == ("Obama", "PERSON")


def test_an_overview_narrows_to_one_publication(store: Store) -> None:
    overview = read(store, "Zeitung")
    assert counts(overview) == (1, 1, 1, {"2026-05-03": 1})
    assert overview.entity.text == "OBAMA"
    assert overview.narrowed_to
    assert overview.narrowed_to.name == "Zeitung"
    assert len(overview.occurrences) == 2


def test_a_publication_that_does_not_mention_the_entity_narrows_nothing(store: Store) -> None:
    assert read(store, "Nowhere") == read(store)


@pytest.mark.parametrize("publication", [None, "The Gazette"])
def test_an_entity_that_no_publication_mentions_has_no_overview(
    store: Store, publication: str | None
) -> None:
    store.add(POSTS)
    pub_id = publication_id(publication) if publication else None
    assert read_entity_overview(store, "0" * 32, publication_id=pub_id) is None


def test_only_the_publications_with_the_most_mentions_are_read(store: Store) -> None:
    for number in range(1, MAX_PUBLICATIONS + 2):
        store.add([with_entities("1", [entity("Obama", number)], publication=f"P{number}")])
    overview = read_entity_overview(store, OBAMA)
    assert overview
    assert len(overview.occurrences) == MAX_PUBLICATIONS
    assert overview.posts == MAX_PUBLICATIONS
    assert "P1" not in {occurrence.publication.name for occurrence in overview.occurrences}
