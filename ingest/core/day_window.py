"""A window of days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class DayWindow:
    """Days from one to another, in ISO form, both included; None leaves an end open."""

    since: str | None = None
    until: str | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    def __contains__(self, day: str) -> bool:
        return (self.since or day) <= day <= (self.until or day)

    def total(self, days: Mapping[str, int]) -> int:
        """Add up the counts of the days in the window."""
        return sum(self.part(days).values())

    def part(self, days: Mapping[str, int]) -> dict[str, int]:
        """Return the counts of the days in the window."""
        return {day: count for day, count in days.items() if day in self}


EVERY_DAY = DayWindow()


def move_day(day: str, days: int) -> str:
    """Return the day so many days later, or earlier if negative, within the calendar."""
    moved = min(max(date.fromisoformat(day).toordinal() + days, 1), date.max.toordinal())
    return date.fromordinal(moved).isoformat()


def number_of_days(first: str, last: str) -> int:
    """Return how many days there are from one to another, both included."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
