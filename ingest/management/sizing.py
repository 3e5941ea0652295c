"""
What so many posts a day need: cores, memory and Firestore's bill.

The figures are measured, and say by which command; what is a price or a guess says so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

DAY = 24 * 3600  # seconds
MONTH = 30  # days

# `make bench` on two shared cores in a slow hour: posts of 1,300 characters in lists of 50 into
# Firestore's emulator, milliseconds of processor time a post. In a fast hour they are fewer
# (docs/performance.md). Finding entities grows with the text; the rest grows with the entities
# in it, and nearly so.
BENCH_CHARACTERS = 1300
CPU_MS = {"extract": 9.8, "save": 4.2, "web": 0.4, "broker": 0.2}
# `make bench`: documents written a post, merged while a backlog is worked off, and unmerged.
WRITES_MERGED, WRITES_ALONE = 10.0, 20.0
# `make bench LONG=1`, MB: the extract worker with 16 children, which share the model.
EXTRACT_MB, EXTRACT_CHILDREN = 1240, 16
# `make load`, MB at the most, of the processes that `make run` starts of each kind; of the embedded
# broker what it may hold when INGEST_QUEUE_LIMIT messages wait.
OTHERS_MB = {"save": 256, "web": 214, "broker": 700, "flower": 129, "supervisors": 180}


@dataclass(frozen=True)
class Prices:
    """
    US dollars: for 100,000 writes and reads beyond those free each day, and a GiB for a month.

    Google's list prices for us-central1, Standard edition, in November 2026, as others quote them:
    the table on cloud.google.com/firestore/pricing is made by a script. A multi-region costs twice.
    """

    writes: float = 0.09
    reads: float = 0.03
    stored: float = 0.15


FREE_WRITES, FREE_READS = 20_000, 50_000  # a day, of the database (default)
FREE_GIB = 1
# A guess, not measured: a post's document with its compressed text, and its index entries.
STORED_KB = 4.0


@dataclass(frozen=True)
class Demand:
    """
    What comes, and what is kept in hand.

    Args:
        peak: how many times the average the busiest hour is.
        busy: the part of a core that may be used at the peak.
        merged: whether posts are saved together, as under a steady load, or one by one.
        reads: documents that pages and lists read a day.
    """

    posts_per_day: int
    characters: int = BENCH_CHARACTERS
    peak: float = 3
    busy: float = 0.7
    merged: bool = True
    reads: int = 0
    prices: Prices = field(default_factory=Prices)

    @property
    def per_second(self) -> float:
        """Posts a second at the peak."""
        return self.posts_per_day * self.peak / DAY


@dataclass(frozen=True)
class Size:
    """What a demand needs; processor time in cores, memory in MB, money in dollars a month."""

    cores: Mapping[str, float]
    extract_children: int
    memory: Mapping[str, int]
    writes_per_day: int
    bill: Mapping[str, float]

    @property
    def whole_cores(self) -> int:
        """Cores of all machines together."""
        return max(1, math.ceil(sum(self.cores.values())))


def size_of(demand: Demand) -> Size:
    """Say what a demand needs."""
    cores = {role: _cores(milliseconds, demand) for role, milliseconds in CPU_MS.items()}
    children = max(1, math.ceil(cores["extract"]))
    writes = round(demand.posts_per_day * _writes_a_post(demand))
    return Size(
        cores=cores,
        extract_children=children,
        memory={"extract": _extract_mb(children), **OTHERS_MB},
        writes_per_day=writes,
        bill=_bill(demand, writes),
    )


def _cores(milliseconds: float, demand: Demand) -> float:
    longer = demand.characters / BENCH_CHARACTERS
    return demand.per_second * milliseconds * longer / 1000 / demand.busy


def _writes_a_post(demand: Demand) -> float:
    """Return documents a post: the more text, the more entities, each a document."""
    once = WRITES_MERGED if demand.merged else WRITES_ALONE
    return 1 + (once - 1) * demand.characters / BENCH_CHARACTERS


def _extract_mb(children: int) -> int:
    """Return the memory of as many workers of sixteen children as there must be."""
    return math.ceil(children / EXTRACT_CHILDREN) * EXTRACT_MB


def _bill(demand: Demand, writes: int) -> dict[str, float]:
    prices = demand.prices
    grown = demand.posts_per_day * MONTH * STORED_KB * demand.characters / BENCH_CHARACTERS / 2**20
    return {
        "writes": max(0, writes - FREE_WRITES) * MONTH / 100_000 * prices.writes,
        "reads": max(0, demand.reads - FREE_READS) * MONTH / 100_000 * prices.reads,
        "stored, more each month by": max(0.0, grown - FREE_GIB) * prices.stored,
    }
