"""The metrics, and that the Grafana dashboard, the alerts and the runbook name no others."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from ingest.api import prometheus
from ingest.observability import metrics

ROOT = Path(__file__).parent.parent.parent
ALERTS = (ROOT / "deploy/prometheus/alerts.yaml").read_text()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/ingest.json").read_text())
RUNBOOK = (ROOT / "docs/alerts.md").read_text()

NAME = re.compile(r"\bingest_[a-z_]+")
SUFFIXES = re.compile(r"_(bucket|sum|count)$")


def known() -> set[str]:
    """Return the names of all metrics of a scrape."""
    counted = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in REGISTRY.collect()
    }
    read = set(re.findall(r'"(ingest_\w+)"', Path(prometheus.__file__).read_text()))
    return counted | read


@pytest.mark.parametrize("text", [ALERTS, json.dumps(DASHBOARD)], ids=["alerts", "dashboard"])
def test_each_metric_in_a_query_exists(text: str) -> None:
    asked = {SUFFIXES.sub("", name) for name in NAME.findall(text)}
    assert len(asked) > 10
    assert asked <= known()


def test_the_dashboard_shows_every_metric() -> None:
    shown = {SUFFIXES.sub("", name) for name in NAME.findall(json.dumps(DASHBOARD))}
    assert {name for name in known() if name.startswith("ingest_")} == shown


def test_each_alert_has_an_entry_in_the_runbook_and_each_entry_an_alert() -> None:
    alerts = re.findall(r"- alert: (\w+)", ALERTS)
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.M) == alerts
    assert len(set(alerts)) == len(alerts) > 10


def test_a_step_that_fails_is_not_measured() -> None:
    def steps() -> float:
        return REGISTRY.get_sample_value("ingest_step_seconds_count", {"step": "test"}) or 0

    with pytest.raises(ValueError, match="bad"), metrics.step("test", 1):
        raise ValueError("bad")
    assert steps() == 0
    with metrics.step("test", 1):
        pass
    assert steps() == 1
