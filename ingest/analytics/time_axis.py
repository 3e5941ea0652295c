"""The axis of a chart: a window of days, cut into days, weeks, months or years."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Self, get_args

from ingest.core.day_window import DayWindow

Step = Literal["day", "week", "month", "year", "century"]
STEPS: tuple[Step, ...] = get_args(Step)
# What a person or a client chooses; longer windows have centuries.
ChosenStep = Literal["day", "week", "month", "year"]

# The first day of the step that a day belongs to.
_STARTS: dict[Step, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: date.fromordinal(max(1, day.toordinal() - day.weekday())),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
    "century": lambda day: date(max(1, day.year // 100 * 100), 1, 1),
}
# No step is longer than this.
_LONGEST: dict[Step, int] = {"day": 1, "week": 7, "month": 31, "year": 366, "century": 36_525}

# Of steps that nobody chose, so many are easy to tell apart.
READABLE_STEPS = 70
# More steps than this are never drawn or listed: a year by day is within it.
MAX_STEPS = 400


@dataclass(frozen=True)
class TimeAxis:
    """Days from one to another, both included, cut into steps; a week begins on Monday."""

    since: str
    until: str
    step: Step

    @classmethod
    def of(
        cls, since: str, until: str, step: Step | None = None, *, most: int = READABLE_STEPS
    ) -> Self:
        """
        Return an axis in a step, or in the finest one with at most so many steps.

        A step that would make more than MAX_STEPS is replaced by the next longer one.
        """
        limit, finest = (MAX_STEPS, STEPS.index(step)) if step else (most, 0)
        axes = (cls(since, until, each) for each in STEPS[finest:])
        return next((axis for axis in axes if len(axis) <= limit), cls(since, until, STEPS[-1]))

    def __len__(self) -> int:
        days = (date.fromisoformat(self.until) - date.fromisoformat(self.since)).days + 1
        # Exact up to one step, without walking through ten thousand years of days.
        return days if self.step == "day" else -(-days // _LONGEST[self.step]) + 1

    @property
    def choices(self) -> list[Step]:
        """The steps that the window can be cut into."""
        own = (type(self)(self.since, self.until, step) for step in get_args(ChosenStep))
        return [axis.step for axis in own if len(axis) <= MAX_STEPS]

    @property
    def window(self) -> DayWindow:
        """The window of days."""
        return DayWindow(self.since, self.until)

    @property
    def starts(self) -> list[str]:
        """The first day of each step; that of the first step may be before the window."""
        start, last = self._start(self.since), self._start(self.until)
        found = [start.isoformat()]
        while start < last:
            start = self._start((start + timedelta(_LONGEST[self.step])).isoformat())
            found.append(start.isoformat())
        return found

    def sums(self, days: Mapping[str, int]) -> dict[str, int]:
        """Add up the counts of the window's days in each step, by its first day."""
        sums: Counter[str] = Counter(dict.fromkeys(self.starts, 0))
        for day, count in days.items():
            if day in self.window:
                sums[self._start(day).isoformat()] += count
        return dict(sums)

    def _start(self, day: str) -> date:
        return _STARTS[self.step](date.fromisoformat(day))


def axis_of(
    days: Mapping[str, int], window: DayWindow, step: Step | None = None
) -> TimeAxis | None:
    """Return the axis of a window, whose open ends are the first and last of some days."""
    bounds = [day for day in (window.since, window.until, *days) if day]
    if not bounds:
        return None
    since = window.since or min(bounds)
    return TimeAxis.of(since, window.until or max(bounds), step)
