"""Mentions within some days, and how far their order is certain."""

from datetime import UTC, datetime

import pytest

from ingest.analytics import day_window
from ingest.analytics.day_window import DayWindow, rank_within
from ingest.store.memory import MemoryStore
from tests.support.factories import entity, with_entities


def store() -> MemoryStore:
    """Return a store in which what is mentioned most is not what was mentioned last."""
    store = MemoryStore()
    first, second = (datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2))
    store.add(
        [
            with_entities("1", [entity("Always", 5), entity("Early", 9)], published_at=first),
            with_entities("2", [entity("Always", 5), entity("Late", 8)], published_at=second),
        ]
    )
    return store


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        (DayWindow(), ["2026-05-01", "2026-05-02", "2026-05-03"]),
        (DayWindow(since="2026-05-02"), ["2026-05-02", "2026-05-03"]),
        (DayWindow(until="2026-05-02"), ["2026-05-01", "2026-05-02"]),
        (DayWindow("2026-05-02", "2026-05-02"), ["2026-05-02"]),
        (DayWindow("2026-05-03", "2026-05-02"), []),
    ],
)
def test_a_window_includes_both_its_ends(window: DayWindow, inside: list[str]) -> None:
    days = {"2026-05-01": 1, "2026-05-02": 2, "2026-05-03": 4}
    assert [day for day in days if day in window] == inside
    assert window.total(days) == sum(days[day] for day in inside)


def test_entities_are_ranked_by_what_counts_within() -> None:
    ranking = rank_within(store(), "The Gazette", DayWindow(since="2026-05-02"))
    assert [(e.text, e.mentions) for e in ranking.entities] == [("Late", 8), ("Always", 5)]
    assert (ranking.considered, ranking.exact_prefix) == (3, 2)


def test_what_was_not_considered_makes_the_end_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_window, "CONSIDERED_ENTITIES", 2)
    ranking = rank_within(store(), "The Gazette", DayWindow(since="2026-05-02"))
    # Late, with 8 mentions on one day, was not among the two that have 10 and 9 in all: so the 5
    # of Always are not certain to be the most.
    assert [(e.text, e.mentions) for e in ranking.entities] == [("Always", 5)]
    assert (ranking.considered, ranking.exact_prefix) == (2, 0)
