"""A window of days."""

import pytest

from ingest.core.day_window import DayWindow


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
