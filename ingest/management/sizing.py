"""
The cores, the memory and the Firestore bill that a number of posts a day needs.

The figures are measured, and name the command that measured them. Prices and guesses say so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

DAY_SECONDS = 24 * 3600
MONTH_DAYS = 30

# `make bench` on two quiet cores: posts of 1,300 characters in lists of 50 into Firestore's
# emulator, in milliseconds of processor time a post (docs/performance.md). Extraction grows with
# the text. The rest grows with the entities in it, which is nearly the same.
BENCH_CHARACTERS = 1300
CPU_MS = {"extract": 4.9, "save": 0.9, "web": 0.2, "broker": 0.15}
# `make bench`: documents written a post, with posts merged during a backlog, and unmerged.
WRITES_MERGED, WRITES_ALONE = 10.0, 20.0
# `make bench LONG=1`, MB: the extract worker with 16 children, which share the model.
EXTRACT_MB, EXTRACT_CHILDREN = 1430, 16
# The most MB of each other kind of process that `make run` starts: save workers with Firestore from
# `make load`, the others from `make bench LONG=1`. For the embedded broker, the memory of
# INGEST_QUEUE_LIMIT waiting messages.
OTHERS_MB = {"save": 256, "web": 282, "broker": 700, "flower": 120, "notify": 113, "supervisor": 16}


@dataclass(frozen=True)
class Prices:
    """
    US dollars for 100,000 writes or reads beyond the free ones of each day, and a GiB-month.

    These are Google's list prices for us-central1, Standard edition, in November 2026. They are
    quoted from others, since a script makes the table on cloud.google.com/firestore/pricing.
    A multi-region location costs twice as much.
    """

    writes: float = 0.09
    reads: float = 0.03
    stored: float = 0.15


FREE_WRITES_A_DAY, FREE_READS_A_DAY = 20_000, 50_000  # of the database named (default)
FREE_GIB = 1
# A guess, not measured: a post's document with its compressed text, and its index entries.
KB_A_POST = 4.0


@dataclass(frozen=True)
class Demand:
    """
    The expected load.

    Args:
        characters: of an average post.
        peak: posts of the busiest hour, as a multiple of the average hour.
        busy: the part of a core that may be used at the peak.
        merged: whether posts are saved together, as under a steady load, or one by one.
        reads: documents a day that pages and lists read.
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
        return self.posts_per_day * self.peak / DAY_SECONDS


@dataclass(frozen=True)
class Size:
    """What a demand needs: cores, memory in MB, and a bill in dollars a month."""

    cores: Mapping[str, float]
    extract_children: int
    memory: Mapping[str, int]
    writes_per_day: int
    bill: Mapping[str, float]

    @property
    def whole_cores(self) -> int:
        """The cores of all machines together."""
        return max(1, math.ceil(sum(self.cores.values())))


def size_of(demand: Demand) -> Size:
    """Return what a demand needs."""
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
    length = demand.characters / BENCH_CHARACTERS
    return demand.per_second * milliseconds * length / 1000 / demand.busy


def _writes_a_post(demand: Demand) -> float:
    """Return the documents written a post: a longer text has more entities, each a document."""
    writes = WRITES_MERGED if demand.merged else WRITES_ALONE
    return 1 + (writes - 1) * demand.characters / BENCH_CHARACTERS


def _extract_mb(children: int) -> int:
    """Return the memory of the workers, each of up to EXTRACT_CHILDREN children."""
    return math.ceil(children / EXTRACT_CHILDREN) * EXTRACT_MB


def _bill(demand: Demand, writes: int) -> dict[str, float]:
    prices = demand.prices
    kb = KB_A_POST * demand.characters / BENCH_CHARACTERS
    growth_gib = demand.posts_per_day * MONTH_DAYS * kb / 2**20
    return {
        "writes": max(0, writes - FREE_WRITES_A_DAY) * MONTH_DAYS / 100_000 * prices.writes,
        "reads": max(0, demand.reads - FREE_READS_A_DAY) * MONTH_DAYS / 100_000 * prices.reads,
        "storage, added each month": max(0.0, growth_gib - FREE_GIB) * prices.stored,
    }
