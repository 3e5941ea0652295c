"""The sizes that a number of posts a day needs."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ingest.management.sizing import BENCH_CHARACTERS, CPU_MS, Demand, size_of


def test_cores_follow_from_the_measured_milliseconds() -> None:
    size = size_of(Demand(86_400, peak=2, busy=0.5))  # two posts a second at the peak
    assert size.cores["extract"] == pytest.approx(2 * CPU_MS["extract"] / 1000 / 0.5)
    longer = size_of(Demand(86_400, peak=2, busy=0.5, characters=2 * BENCH_CHARACTERS))
    assert sum(longer.cores.values()) == pytest.approx(2 * sum(size.cores.values()))


def test_sixteen_children_share_a_model_and_a_machine() -> None:
    small, large = (size_of(Demand(posts)) for posts in (1000, 100_000_000))
    assert small.extract_children == 1
    assert large.extract_children == 25
    assert large.memory["extract"] == 2 * small.memory["extract"]


def test_the_first_writes_of_a_day_are_free() -> None:
    assert size_of(Demand(1000)).bill["writes"] == 0
    paid = size_of(Demand(100_000))
    assert paid.writes_per_day == 1_000_000
    assert paid.bill["writes"] == pytest.approx(980_000 * 30 / 100_000 * 0.09)
    assert size_of(Demand(100_000, merged=False)).writes_per_day == 2_000_000


def test_the_command_prints_what_is_needed_and_refuses_nonsense() -> None:
    out = StringIO()
    call_command("size", "--posts-per-day", "100000", "--reads-per-day", "1000000", stdout=out)
    for word in ("100,000 posts a day", "3.5 a second", "cores for extract", "26.46", "8.55"):
        assert word in out.getvalue()
    with pytest.raises(CommandError, match="--busy"):
        call_command("size", "--posts-per-day", "1", "--busy", "0", stdout=out)
