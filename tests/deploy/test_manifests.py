"""The deployment files are valid for the tools that read them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication

from ingest.devstack.launch import PROCFILE
from ingestsite.configuration import ROOT
from tests.support.apt import install

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
KUBERNETES = DEPLOY / "kubernetes"
KEDA: dict[str, Any] = {
    "ScaledObject": ScaledObject,
    "TriggerAuthentication": TriggerAuthentication,
}
YAML_STYLE = """
extends: default
rules:
  line-length: {max: 120}
  document-start: disable
  comments: {min-spaces-from-content: 1}
"""

Manifest = tuple[Path, dict[str, Any]]
MANIFESTS: list[Manifest] = [
    (path, manifest)
    for path in sorted(KUBERNETES.glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text("utf-8"))
]
PODS = [(path, m) for path, m in MANIFESTS if "template" in m.get("spec", {})]


def _name(one: Manifest) -> str:
    path, manifest = one
    return f"{path.stem}-{manifest['kind']}-{manifest['metadata']['name']}"


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the units as installed, with the programs of this environment."""
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


@pytest.mark.parametrize("name", ["compose.yaml", "compose.many.yaml"])
def test_compose_reads_the_compose_file(name: str, tmp_path: Path) -> None:
    install("docker-compose")
    folder = tmp_path / "deploy"
    folder.mkdir()
    (folder / name).write_bytes((DEPLOY / name).read_bytes())
    for secrets in ("ingest.env", "rabbitmq.env", "postgresql.env"):
        (folder / secrets).touch()
    done = subprocess.run(
        ["docker-compose", "--file", name, "config", "--quiet"],
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
    composes = [path.read_text() for path in DEPLOY.glob("compose*.yaml")]
    manifest = (KUBERNETES / f"{role}.yaml").read_text().replace(", ", " ")
    procfile = PROCFILE.read_text()
    texts = (unit, *composes, manifest.replace('"', ""), procfile)
    command = f"celery -A ingestsite worker -Q {role} -n {role}@%"
    for text in texts:
        assert command in text
    if role == "extract":
        for name in ("OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"):
            assert all(name in text for text in texts)


def test_hadolint_finds_nothing_wrong_with_the_dockerfile() -> None:
    done = subprocess.run(
        ["hadolint", "--no-color", str(DEPLOY / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0)


def test_yamllint_finds_nothing_wrong() -> None:
    done = subprocess.run(
        ["yamllint", "--strict", "--config-data", YAML_STYLE, str(DEPLOY)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize(("path", "manifest"), MANIFESTS, ids=map(_name, MANIFESTS))
def test_a_manifest_matches_its_schema(path: Path, manifest: dict[str, Any]) -> None:
    keda: dict[str, Any] = {
        "ScaledObject": ScaledObject,
        "TriggerAuthentication": TriggerAuthentication,
    }
    if manifest["apiVersion"].startswith("keda.sh/"):
        read = keda[manifest["kind"]].model_validate(manifest)
        # The model drops unknown fields.
        assert read.model_dump(by_alias=True, exclude_unset=True, mode="json") == manifest
    else:
        for version in ("1.29", "1.37"):
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize(("path", "manifest"), PODS, ids=map(_name, PODS))
def test_a_pod_is_not_root_and_requests_its_resources(path: Path, manifest: dict[str, Any]) -> None:
    pod = manifest["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        for source in container["envFrom"]:
            assert source.keys() <= {"configMapRef", "secretRef"}


def test_no_secret_is_in_the_manifests() -> None:
    kinds = {manifest["kind"] for _, manifest in MANIFESTS}
    assert "Secret" not in kinds
    (settings,) = (m["data"] for _, m in MANIFESTS if m["kind"] == "ConfigMap")
    assert not {name for name in settings if re.search("KEY|PASSWORD|URL", name)}


@pytest.mark.parametrize("role", ["web", "extract", "save"])
def test_a_shutdown_has_the_same_time_everywhere(role: str) -> None:
    """Kubernetes adds the seconds of preStop."""
    unit = (DEPLOY / "systemd" / f"ingest-{role}.service").read_text()
    (seconds,) = re.findall(r"TimeoutStopSec=(\d+)", unit)
    for path in DEPLOY.glob("compose*.yaml"):
        service = yaml.safe_load(path.read_text())["services"][role]
        assert service["stop_grace_period"] == f"{seconds}s"
    (pod,) = (m["spec"]["template"]["spec"] for p, m in PODS if p.stem == role)
    assert pod["terminationGracePeriodSeconds"] >= int(seconds)
