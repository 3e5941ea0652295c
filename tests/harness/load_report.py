"""The report of a load test, as Markdown with plots."""

import os
import platform
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
import pygal

from tests.harness import runner

Point = tuple[float, float]
Lines = dict[str, list[Point]]

MAX_POINTS = 100  # of a line in a plot
PERCENTILES = (50, 95, 99)

TITLES = {
    "emulator": "Embedded broker, Google's Firestore emulator",
    "rabbitmq": "RabbitMQ, null store",
}


@dataclass(frozen=True)
class Sample:
    """What was measured at one time; memory in MB, and not in every sample."""

    seconds: float
    accepted: int
    saved: int
    waiting: Mapping[str, int]
    in_work: int
    memory: Mapping[str, int]


@dataclass
class Run(runner.Result):
    """One load and its result; `lost`, `doubled` and `dead` must be 0."""

    name: str
    posts: int
    accepted: int
    saved: int
    dead: int
    lost: int
    doubled: int
    accepted_in: float  # seconds
    samples: list[Sample] = field(repr=False)

    @property
    def right(self) -> bool:
        """Whether every post was accepted, and saved once."""
        return self.accepted == self.posts and not self.lost + self.doubled + self.dead

    @property
    def seconds(self) -> float:
        """How long it took until the last post was saved."""
        return next(s.seconds for s in self.samples if s.saved == self.samples[-1].saved)

    def figures(self) -> dict[str, Any]:
        """Return the run's figures by name."""
        names = ("name", "posts", "accepted", "saved", "dead", "lost", "doubled")
        waits = percentiles([wait for _, wait in waits_of(self.samples)])
        return {
            **{name: getattr(self, name) for name in names},
            "accepted_per_s": round(self.posts / self.accepted_in, 1),
            "saved_per_s": round(self.posts / self.seconds, 1),
            **{f"seconds_to_saved_p{p}": round(w, 1) for p, w in waits.items()},
            "most_waiting": max(sum(s.waiting.values()) for s in self.samples),
            "mb_at_the_end": dict(sorted(self.samples[-1].memory.items())),
            "mb_at_the_most": dict(sorted(most_memory(self.samples).items())),
        }


def most_memory(samples: Sequence[Sample]) -> dict[str, int]:
    """Return the most that each kind of process had, in MB."""
    kinds = {kind for sample in samples for kind in sample.memory}
    return {kind: max(s.memory.get(kind, 0) for s in samples) for kind in kinds}


def percentiles(numbers: Sequence[float]) -> dict[int, float]:
    """Return the percentiles to show, or none for fewer than two numbers."""
    if len(numbers) < 2:
        return {}
    cuts = quantiles(numbers, n=100, method="inclusive")
    return {p: cuts[p - 1] for p in PERCENTILES}


def waits_of(samples: Sequence[Sample]) -> list[Point]:
    """
    Return for each hundredth of the posts when it was saved, and the seconds since its 202.

    The order of saving is assumed to be that of accepting, which is nearly so.
    """
    step = max(1, samples[-1].saved // 100)
    accepted = [sample.accepted for sample in samples]
    saved = [sample.saved for sample in samples]
    last = min(accepted[-1], saved[-1])
    found = []
    for number in range(step, last + 1, step):
        came = _when(accepted, samples, number)
        went = _when(saved, samples, number)
        found.append((went, max(0.0, went - came)))
    return found


def _when(counts: Sequence[int], samples: Sequence[Sample], number: int) -> float:
    """Return when a growing count reached a number, interpolated between two samples."""
    place = bisect_left(counts, number)
    if place == 0:
        return samples[0].seconds
    before, after = samples[place - 1], samples[place]
    share = (number - counts[place - 1]) / (counts[place] - counts[place - 1])
    return before.seconds + share * (after.seconds - before.seconds)


def _parts(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    """Yield the first and last sample of each of so many equal parts."""
    step = max(1, len(samples) // MAX_POINTS)
    for start in range(0, len(samples) - step, step):
        yield samples[start], samples[start + step]


def rates(samples: Sequence[Sample]) -> Lines:
    """Return the posts accepted and saved a second."""

    def line(count: Callable[[Sample], int]) -> list[Point]:
        return [
            (last.seconds, (count(last) - count(first)) / (last.seconds - first.seconds))
            for first, last in _parts(samples)
        ]

    return {"accepted": line(lambda s: s.accepted), "saved": line(lambda s: s.saved)}


def depths(samples: Sequence[Sample]) -> Lines:
    """Return the messages that wait on each queue, and those in progress."""
    some = [first for first, _ in _parts(samples)] + [samples[-1]]
    queues = sorted(samples[-1].waiting)
    lines = {queue: [(s.seconds, float(s.waiting.get(queue, 0))) for s in some] for queue in queues}
    return {**lines, "in progress": [(s.seconds, float(s.in_work)) for s in some]}


def memories(samples: Sequence[Sample]) -> Lines:
    """Return the memory of each kind of process, in MB."""
    some = [sample for sample in samples if sample.memory]
    kinds = sorted(most_memory(samples))
    return {kind: [(s.seconds, float(s.memory.get(kind, 0))) for s in some] for kind in kinds}


def latencies(samples: Sequence[Sample]) -> Lines:
    """Return percentiles of the seconds from 202 to saved, in each tenth of the time."""
    waits = waits_of(samples)
    width = samples[-1].seconds / 10
    lines: Lines = {f"p{p}": [] for p in PERCENTILES}
    for tenth in range(10):
        inside = [wait for when, wait in waits if tenth * width <= when < (tenth + 1) * width]
        for p, value in percentiles(inside).items():
            lines[f"p{p}"].append(((tenth + 0.5) * width, value))
    return lines


PLOTS: dict[str, tuple[str, Callable[[Sequence[Sample]], Lines]]] = {
    "rates": ("posts a second", rates),
    "depths": ("messages", depths),
    "memory": ("MB by kind of process, shared pages divided", memories),
    "latency": ("seconds from 202 to saved", latencies),
}


def write_report(runs: Sequence[Run], folder: Path, facts: Mapping[str, Any]) -> Path:
    """Write the report and its plots into a folder; return the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Load test", "", *_facts(facts), ""]
    for one in runs:
        lines += [f"## {TITLES[one.name]}", "", *_table(one.figures()), ""]
        for plot, (title, of) in PLOTS.items():
            _draw(folder / f"{one.name}-{plot}.svg", title, of(one.samples))
            lines += [f"![{title}]({one.name}-{plot}.svg)", ""]
    lines.append(
        "The seconds from 202 to saved are read off the curves of accepted and saved posts."
        " They assume that posts are saved in the order in which they were accepted."
    )
    report = folder / "README.md"
    report.write_text("\n".join(lines) + "\n")
    return report


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    machine = {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "memory, MB": psutil.virtual_memory().total >> 20,
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "load before and after": ", ".join(f"{load:.1f}" for load in os.getloadavg()),
    }
    yield from _table({**facts, **machine})


def _table(rows: Mapping[str, Any]) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for name, value in rows.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{kind} {count:,}" for kind, count in value.items())
        yield (
            f"| {name.replace('_', ' ')} | {value:,} |"
            if isinstance(value, int | float)
            else f"| {name.replace('_', ' ')} | {value} |"
        )


def _draw(path: Path, title: str, lines: Lines) -> None:
    chart = pygal.XY(
        width=900,
        height=360,
        js=[],
        show_dots=False,
        include_x_axis=True,
        title=title,
        x_title="seconds",
        legend_at_bottom=True,
        legend_at_bottom_columns=8,
        x_value_formatter=lambda value: f"{value:,.0f}",
        value_formatter=lambda value: f"{value:,.0f}",
    )
    for name, points in lines.items():
        chart.add(name, points)
    path.write_bytes(chart.render())
