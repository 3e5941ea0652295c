"""Comparisons say only what is true of every side, on each store."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pydantic import ValidationError

from ingest.analytics import comparison
from ingest.analytics.comparison import ComparedRow, Comparison, Side, compare, share_lines
from ingest.analytics.comparison_query import ComparisonQuery, NotComparable, read_comparison
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.models import PublicationGroup
from ingest.store.base import Store
from ingest.store.sql.store import SqlStore
from tests.support.factories import entity, with_entities

GAZETTE, WIRE, HERALD = "The Gazette", "The Wire", "The Herald"


# An alias has merged Elaine into Adelaide.
MERGED = {entity_id("PERSON", "elaine"): entity_id("PERSON", "adelaide")}


def on(month: int) -> datetime:
    """Return a moment of the first day of a month in 2026."""
    return datetime(2026, month, 1, 9, tzinfo=UTC)


ZOE = entity("Zoë", 5)
POSTS = [
    with_entities("1", [entity("Adelaide", 9), entity("Oslo", label="GPE")], published_at=on(1)),
    with_entities("2", [entity("Berlin", 3, label="GPE")], published_at=on(3)),
    with_entities(
        "3", [entity("Adelaide"), entity("Zoë", 5)], publication=WIRE, published_at=on(1)
    ),
    with_entities("4", [entity("Zoë", 5)], publication=WIRE, published_at=on(2)),
    with_entities("5", [entity("Zoë"), entity("Berlin", label="GPE")], publication=HERALD),
]


@pytest.fixture
def saved(store: Store, db: None) -> Store:
    """Return each store, with posts of three publications."""
    store.add(POSTS)
    return store


def compared(store: Store, **parameters: object) -> Comparison:
    query = ComparisonQuery(**parameters)  # type: ignore[arg-type]
    return read_comparison(store, query, MERGED)


def texts(rows: list[ComparedRow]) -> list[str]:
    return sorted(row.entity.text for row in rows)


def test_a_name_below_the_top_of_a_side_is_not_absent_from_it(
    saved: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MIN_TOP", 1)
    monkeypatch.setattr(comparison, "MAX_TOP", 1)
    found = compared(saved, of=(GAZETTE, WIRE))
    assert (found.top, texts(found.rows)) == (1, ["Adelaide", "Zoë"])
    # Adelaide is second at The Wire, so only the look-up finds it there.
    assert texts(found.only(0)) == []
    assert texts(found.shared) == ["Adelaide"]
    assert texts(found.only(1)) == ["Zoë"]


def test_three_sides_say_what_one_has_and_what_one_lacks(saved: Store) -> None:
    found = compared(saved, of=(GAZETTE, publication_id(WIRE), HERALD), order="mentions")
    assert [side.posts for side in found.sides] == [2, 2, 1]
    assert [row.entity.text for row in found.rows] == ["Zoë", "Adelaide", "Berlin", "Oslo"]
    assert (texts(found.only(0)), texts(found.shared)) == (["Oslo"], [])
    assert texts(found.lacking(0)) == ["Zoë"]
    assert texts(found.lacking(2)) == ["Adelaide"]
    adelaide = found.rows[1]
    assert [(c.mentions, c.posts, c.share) for c in adelaide.counts] == [
        (9, 1, 0.5),
        (1, 1, 0.5),
        (0, 0, 0.0),
    ]


def test_a_group_counts_as_one_side(saved: Store) -> None:
    PublicationGroup.objects.create(slug="two", name="Both", publications=[WIRE, HERALD, "Gone"])
    ids = ",".join(map(publication_id, (WIRE, HERALD)))
    found = compared(saved, of=(GAZETTE, "~two", ids))
    assert [side.title for side in found.sides] == [GAZETTE, "Both", f"{WIRE}, {HERALD}"]
    assert [side.posts for side in found.sides] == [2, 3, 3]
    (zoe,) = (row for row in found.rows if row.entity.text == "Zoë")
    assert [(c.mentions, c.posts) for c in zoe.counts] == [(0, 0), (11, 3), (11, 3)]


def test_periods_of_a_publication_are_sides_of_their_own(saved: Store) -> None:
    periods = ("2026-01-01..2026-01-31", "2026-02-01..")
    found = compared(saved, of=(GAZETTE,), period=periods, family="PLACE")
    assert [side.posts for side in found.sides] == [1, 1]
    assert (texts(found.only(0)), texts(found.only(1))) == (["Oslo"], ["Berlin"])


def test_names_are_compared_where_they_are_mentioned(saved: Store) -> None:
    found = compared(saved, name=("adelaide", entity_id("PERSON", "zoe")), until="2026-02-01")
    names = {publication.name for publication in found.sides[0].publications}
    assert names == {GAZETTE, WIRE, HERALD}
    assert found.top is None
    assert {row.entity.text: row.counts[0].posts for row in found.rows} == {"Adelaide": 2, "Zoë": 2}


def test_lines_show_the_share_of_posts_in_equal_steps(saved: Store) -> None:
    sides = [
        Side(name, (publication,))
        for name in (GAZETTE, WIRE)
        if (publication := saved.publication(name))
    ]
    found = compare(saved, sides)
    rows = [row for row in found.rows if row.entity.text == "Adelaide"]
    (lines,) = share_lines(found, rows, "month")
    assert lines.starts == ("2026-01-01", "2026-02-01", "2026-03-01")
    assert lines.lines == ((1.0, None, 0.0), (1.0, 0.0, None))
    (fitting,) = share_lines(found, rows)
    assert (fitting.step, len(fitting.starts)) == ("day", 60)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "of"),
        ({"of": ("Nowhere",)}, "of"),
        ({"of": ("~nothing",)}, "of"),
        ({"name": ("Nobody",)}, "name"),
        ({"of": (GAZETTE,), "name": ("Zoë",)}, "name"),
        ({"of": (GAZETTE, WIRE), "period": tuple(f"2026-0{n}-01.." for n in range(1, 7))}, "of"),
    ],
)
def test_what_is_not_there_is_named(
    sql_store: None, parameters: dict[str, object], field: str, sql: Store
) -> None:
    sql.add(POSTS)
    with pytest.raises(NotComparable) as error:
        compared(sql, **parameters)
    assert error.value.field == field


@pytest.mark.parametrize("period", ["2026", "2026-02-01..2026-01-01", "2026-01-01..x"])
def test_a_period_is_two_days_in_order(period: str) -> None:
    with pytest.raises(ValidationError):
        ComparisonQuery(period=(period,))


@pytest.mark.parametrize("size", [2, 3, 5, 10, 20])
def test_a_comparison_reads_so_many_entities_whatever_its_size(size: int) -> None:
    top = comparison._top_size(size, size)
    most = max(comparison.MIN_TOP, (comparison.READ_ENTITIES - size * top) // size)
    assert size * (top + min(size * top, most)) <= comparison.READ_ENTITIES


class CountingReader:
    """A reader that counts the entities that it returns."""

    def __init__(self, store: Store) -> None:
        self.store, self.read = store, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            self.read += len(getattr(answer, "entities", answer)) if "entities" in name else 0
            return answer

        return call


@pytest.mark.parametrize("window", [{}, {"since": "2026-01-01", "until": "2026-12-31"}])
def test_a_comparison_of_large_publications_asks_no_more_than_one_of_small_ones(
    sql: SqlStore, settings: Any, window: dict[str, str]
) -> None:
    posts = [
        with_entities(f"{n}", [entity(f"Name {n}-{m}") for m in range(size)], publication=name)
        for name, size in ((GAZETTE, 3), (WIRE, 3), ("Large", 150), ("Larger", 150))
        for n in range(10)
    ]
    sql.add(posts)
    asked, read = [], []
    for pair in ((GAZETTE, WIRE), ("Large", "Larger")):
        counting = CountingReader(sql)
        with CaptureQueriesContext(connections[settings.COUNTS_DATABASE]) as queries:
            compared(cast(Store, counting), of=pair, **window)
        asked.append(len(queries))
        read.append(counting.read)
    assert asked[0] == asked[1]
    assert read[1] <= comparison.READ_ENTITIES
