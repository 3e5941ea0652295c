"""Charts need no script, and describe themselves."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring

import pytest

from ingest.analytics.time_axis import TimeAxis
from ingest.web.charts import by_family, by_step, labelled, sparkline

DAYS = {"2026-05-01": 3, "2026-05-04": 1}
AXIS = TimeAxis.of("2026-05-01", "2026-05-04")
CHARTS = {
    "days": by_step(AXIS, DAYS, what="Posts"),
    "weeks": by_step(TimeAxis.of("2026-05-01", "2026-05-04", "week"), DAYS, what="Posts"),
    "families": by_family([("People", 30), ('<b>"é', 7)], what="Mentions"),
    "line": sparkline(AXIS, DAYS, what="Posts"),
    "one day": sparkline(TimeAxis.of("2026-05-01", "2026-05-01"), DAYS, what="Posts"),
    "no days": by_step(AXIS, {}, what="Posts"),
}


def elements(svg: str) -> Iterator[Element]:
    yield from fromstring(svg).iter()  # noqa: S314


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_no_script_and_no_style(name: str) -> None:
    for element in elements(CHARTS[name]):
        assert element.tag.rpartition("}")[2] not in ("script", "style", "a", "foreignObject")
        assert not {"style", "onclick", "onload"} & element.attrib.keys()


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_label(name: str) -> None:
    root = next(elements(CHARTS[name]))
    assert root.get("role") == "img"
    assert " by " in str(root.get("aria-label"))


def test_every_bar_has_its_number_as_title() -> None:
    titles = [e.text for e in elements(CHARTS["days"]) if e.tag.endswith("title")]
    assert titles == ["2026-05-01: 3", "2026-05-02: 0", "2026-05-03: 0", "2026-05-04: 1"]


def test_a_name_in_a_chart_is_escaped() -> None:
    assert "<b>" not in CHARTS["families"]
    assert any(e.text == '<b>"é' for e in elements(CHARTS["families"]))


def test_a_chart_says_its_step() -> None:
    root = next(elements(CHARTS["weeks"]))
    assert root.get("aria-label") == "Posts by week"
    titles = [e.text for e in elements(CHARTS["weeks"]) if e.tag.endswith("title")]
    assert titles == ["2026-04-27: 3", "2026-05-04: 1"]


def test_many_days_are_summed_in_steps() -> None:
    days = {f"20{year}-0{month}-01": 1 for year in range(10, 26) for month in (1, 5, 9)}
    steps = labelled(TimeAxis.of(min(days), max(days)), days)
    assert len(steps) == 16
    assert set(steps.values()) == {3}
    assert min(steps) == "2010"
