"""The report of the load test computes rates, waits and plots from its samples."""

from pathlib import Path

import pytest

from tests.harness.load_report import Run, Sample, depths, latencies, rates, waits_of, write_report


def sample(seconds: float, accepted: int, saved: int) -> Sample:
    waiting = {"extract": accepted - saved, "save": 0}
    return Sample(seconds, accepted, saved, waiting, in_work=1, memory={"web": 100})


# The service accepts 100 posts a second for ten seconds, and saves 50 a second for twenty.
SAMPLES = [sample(s, min(100 * s, 1000), min(50 * s, 1000)) for s in range(22)]


def test_a_post_waits_from_when_it_was_accepted_until_as_many_are_saved() -> None:
    waits = waits_of(SAMPLES)
    assert len(waits) == 100
    assert waits[49] == pytest.approx((10, 5))
    assert waits[-1] == pytest.approx((20, 10))
    assert latencies(SAMPLES)["p50"][0][1] < latencies(SAMPLES)["p99"][-1][1] <= 10


def test_rates_and_depths_are_those_of_the_samples() -> None:
    assert rates(SAMPLES)["accepted"][0] == (1, 100)
    assert rates(SAMPLES)["saved"][15] == (16, 50)
    assert depths(SAMPLES)["extract"][10] == (10, 500)


def test_the_report_has_its_plots_and_says_whether_it_is_right(tmp_path: Path) -> None:
    run = Run("emulator", 1000, 1000, 1000, 0, 0, 0, accepted_in=10, samples=SAMPLES)
    assert run.right
    assert (run.figures()["accepted_per_s"], run.figures()["saved_per_s"]) == (100, 50)
    report = write_report([run], tmp_path / "report", {"posts": 1000})
    plots = [line for line in report.read_text().splitlines() if line.startswith("![")]
    assert len(plots) == 4
    for plot in plots:
        assert (report.parent / plot.split("(")[1].rstrip(")")).read_bytes().startswith(b"<?xml")
    assert not Run("emulator", 1000, 1000, 999, 0, 1, 0, 10, SAMPLES).right
