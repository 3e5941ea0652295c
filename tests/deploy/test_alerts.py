"""Prometheus' own tool reads the rules, and each alert fires and stops on recorded series."""

import subprocess
from pathlib import Path

import pytest
import yaml

from ingestsite.configuration import ROOT
from tests.support.apt import install

FOLDER = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]
TESTS = yaml.safe_load((FOLDER / "alerts.test.yaml").read_text())["tests"]


def promtool(*words: str | Path) -> str:
    """Run Prometheus' tool on our files, and return what it says."""
    install("promtool", package="prometheus")
    done = subprocess.run(
        ["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_alert_fires_and_stops_on_recorded_series() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yaml")


@pytest.mark.parametrize("name", [rule["alert"] for rule in RULES])
def test_each_alert_is_tested_while_it_fires_and_after(name: str) -> None:
    tested = [t for one in TESTS for t in one["alert_rule_test"] if t["alertname"] == name]
    assert [bool(test["exp_alerts"]) for test in tested] == [True, False]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("prometheus*.yaml")), ids=lambda p: p.name)
def test_prometheus_reads_its_configuration(path: Path) -> None:
    promtool("check", "config", "--syntax-only", path.name)
