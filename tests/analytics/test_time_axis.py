"""A chart's axis has one step, without gaps, whatever the days are."""

import pytest

from ingest.analytics.time_axis import MAX_STEPS, READABLE_STEPS, Step, TimeAxis, axis_of
from ingest.core.day_window import DayWindow


@pytest.mark.parametrize(
    ("step", "sums"),
    [
        ("day", {"2026-01-31": 1, "2026-02-01": 0, "2026-02-02": 2, "2026-02-03": 0}),
        ("week", {"2026-01-26": 1, "2026-02-02": 2}),
        ("month", {"2026-01-01": 1, "2026-02-01": 2}),
        ("year", {"2026-01-01": 3}),
    ],
)
def test_counts_add_up_in_each_step(step: Step, sums: dict[str, int]) -> None:
    days = {"2026-01-30": 9, "2026-01-31": 1, "2026-02-02": 2, "2026-02-04": 9}
    axis = TimeAxis.of("2026-01-31", "2026-02-03", step)
    assert axis.sums(days) == sums


@pytest.mark.parametrize(
    ("since", "until", "step"),
    [
        ("2026-05-01", "2026-05-01", "day"),
        ("2026-01-01", "2026-03-11", "day"),
        ("2026-01-01", "2026-03-12", "week"),
        ("2025-01-01", "2026-12-31", "month"),
        ("1990-01-01", "2026-12-31", "year"),
        ("0001-01-01", "9999-12-31", "century"),
        ("9999-12-31", "9999-12-31", "day"),
    ],
)
def test_the_finest_readable_step_is_chosen(since: str, until: str, step: str) -> None:
    axis = TimeAxis.of(since, until)
    assert axis.step == step
    starts = axis.starts
    assert starts == sorted(set(starts))
    assert len(starts) <= max(READABLE_STEPS, 100)
    assert starts[0] <= since
    assert starts[-1] <= until


def test_a_chosen_step_is_kept_unless_there_would_be_too_many() -> None:
    assert TimeAxis.of("2026-01-01", "2026-12-31", "day").step == "day"
    assert TimeAxis.of("2020-01-01", "2026-12-31", "day").step == "week"
    axis = TimeAxis.of("2020-01-01", "2026-12-31")
    assert axis.choices == ["week", "month", "year"]
    assert all(len(TimeAxis.of("2020-01-01", "2026-12-31", s)) <= MAX_STEPS for s in axis.choices)


def test_open_ends_of_a_window_are_the_first_and_last_day() -> None:
    days = {"2026-05-03": 1, "2026-05-09": 1}
    for window, ends in (
        (DayWindow(), ("2026-05-03", "2026-05-09")),
        (DayWindow("2026-05-05"), ("2026-05-05", "2026-05-09")),
        (DayWindow("2026-06-01"), ("2026-06-01", "2026-06-01")),
        (DayWindow(None, "2026-05-01"), ("2026-05-01", "2026-05-01")),
    ):
        axis = axis_of(days, window)
        assert axis
        assert (axis.since, axis.until) == ends
    assert axis_of({}, DayWindow()) is None
