"""Charts need no script, and describe themselves."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring

import pytest

from ingest.web.charts import MAX_BARS, by_day, by_family, in_steps, sparkline

DAYS = {"2026-05-01": 3, "2026-05-04": 1}
CHARTS = {
    "days": by_day(DAYS, what="Posts"),
    "families": by_family([("People", 30), ('<b>"é', 7)], what="Mentions"),
    "line": sparkline(DAYS, what="Posts"),
    "one day": sparkline({"2026-05-01": 3}, what="Posts"),
    "no days": by_day({}, what="Posts"),
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


def test_many_days_are_summed_in_steps() -> None:
    days = {f"20{year}-0{month}-01": 1 for year in range(10, 26) for month in (1, 5, 9)}
    steps = in_steps(days)
    assert len(steps) <= MAX_BARS
    assert sum(steps.values()) == len(days)
    assert in_steps({}) == {}
