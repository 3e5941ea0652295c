"""The files that deploy ingest, read by the tools that will read them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestsite.configuration import ROOT
from tests.debian import install

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the units as they would be installed, with the programs of this environment."""
    folder = tmp_path_factory.mktemp("units")
    programs = str(Path(sys.executable).parent)
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/srv/ingest/.venv/bin", programs)
        (folder / unit.name).write_text(text.replace("/srv/ingest", str(ROOT)))
    return sorted(folder.iterdir())


def test_systemd_finds_nothing_wrong_with_the_units(units: list[Path]) -> None:
    install("systemd-analyze", package="systemd")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", *map(str, units)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_compose_reads_the_compose_file(tmp_path: Path) -> None:
    install("docker-compose")
    folder = tmp_path / "deploy"
    folder.mkdir()
    (folder / "compose.yaml").write_bytes((DEPLOY / "compose.yaml").read_bytes())
    for name in ("ingest.env", "rabbitmq.env"):
        (folder / name).touch()
    done = subprocess.run(
        ["docker-compose", "--file", "compose.yaml", "config", "--quiet"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("role", ["extract", "save"])
def test_a_worker_is_started_as_the_procfile_starts_it(role: str) -> None:
    unit = (DEPLOY / "systemd" / f"ingest-{role}.service").read_text()
    compose = (DEPLOY / "compose.yaml").read_text()
    procfile = (ROOT / "Procfile").read_text()
    command = f"celery -A ingestsite worker -Q {role} -n {role}@%"
    for text in (unit, compose, procfile):
        assert command in text
    if role == "extract":
        for name in ("OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"):
            assert all(name in text for text in (unit, compose, procfile))
