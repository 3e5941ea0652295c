"""How many documents a page reads from Firestore, however many names a publication has."""

from collections.abc import Callable

import pytest

from ingest.analytics.name_search import NameQuery, search_names
from ingest.core.day_window import DayWindow
from ingest.store.base import CONSIDERED_ENTITIES, Cursor, EntityFilter
from ingest.store.firestore.names import CANDIDATES, RANKED_NAMES
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import NOON, entity, with_entities
from tests.support.firestore_reads import counted_reads
from tests.support.stores import firestore_of, new_project

NAMES, POST_NAMES = CONSIDERED_ENTITIES + 200, 100
PAGE = EntityFilter[Cursor](limit=26)

Ask = Callable[[FirestoreStore], object]


@pytest.fixture(scope="module")
def large(emulator: None) -> FirestoreStore:
    """Return a store with a publication of more names than a page considers."""
    store = firestore_of(new_project())
    store.add(
        [
            with_entities(
                str(start),
                [entity(f"Name {n}") for n in range(start, start + POST_NAMES)],
                publication="Large",
                published_at=NOON,
            )
            for start in range(0, NAMES, POST_NAMES)
        ]
    )
    return store


@pytest.mark.parametrize(
    ("ask", "most"),
    [
        pytest.param(lambda s: s.entities("Large", PAGE), 26, id="a list"),
        pytest.param(lambda s: s.entities_by_prefix("Large", "name 1", PAGE), 26, id="a prefix"),
        pytest.param(
            lambda s: s.entities_within("Large", DayWindow(NOON.date().isoformat()), PAGE),
            CONSIDERED_ENTITIES,
            id="a list within days",
        ),
        pytest.param(
            lambda s: search_names(s, NameQuery(q="name")),
            CANDIDATES + 2 * RANKED_NAMES,
            id="a search",
        ),
        pytest.param(lambda s: search_names(s, NameQuery(q="nobody")), 1, id="a search in vain"),
    ],
)
def test_a_page_reads_no_more_than_it_considers(large: FirestoreStore, ask: Ask, most: int) -> None:
    with counted_reads() as reads:
        ask(large)
    assert 0 < reads.documents <= most


def test_a_sum_costs_one_read_for_a_thousand_entries(large: FirestoreStore) -> None:
    with counted_reads() as reads:
        (family,) = large.families("Large")
    assert family.entities == NAMES
    assert NAMES // 1000 < reads.documents < 20
