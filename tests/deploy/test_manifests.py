"""The deployment files are valid for the tools that read them."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ingest.devstack.launch import PROCFILE
from ingestsite.configuration import ROOT
from tests.support.apt import install

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("base", "overlays/small", "overlays/production")
# The modules with the schemas of kinds that are not Kubernetes' own.
OPERATORS = {
    "ScaledObject": "cloudcoil.models.keda.v1alpha1",
    "TriggerAuthentication": "cloudcoil.models.keda.v1alpha1",
    "PodMonitor": "cloudcoil.models.prometheus_operator.v1",
}

Manifest = tuple[Path, dict[str, Any]]
MANIFESTS: list[Manifest] = [
    (path, manifest)
    for path in sorted(KUBERNETES.rglob("*.yaml"))
    if path.name != "kustomization.yaml"
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
        text = unit.read_text("utf-8").replace("/srv/ingest/bin/ingest", sys.executable)
        (folder / unit.name).write_text(text.replace("/srv/ingest/bin", programs))
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


@pytest.mark.parametrize("role", ["extract", "save", "notify"])
def test_a_worker_is_started_as_the_procfile_starts_it(role: str) -> None:
    unit = (DEPLOY / "systemd" / f"ingest-{role}.service").read_text()
    composes = [path.read_text() for path in DEPLOY.glob("compose*.yaml")]
    manifest = (KUBERNETES / "base" / f"{role}.yaml").read_text().replace(", ", " ")
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


def test_the_base_image_is_pinned_by_its_digest() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    (image,) = re.findall(r"^ARG PYTHON=(.*)$", text, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", image)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${PYTHON}"}


def test_an_image_of_others_is_the_same_everywhere() -> None:
    """A database must not change its version between compose and Kubernetes."""
    files = (*DEPLOY.glob("compose*.yaml"), *KUBERNETES.rglob("*.yaml"))
    found = {image for f in files for image in re.findall(r"image: ([a-z/]+:\S+)", f.read_text())}
    names = [image.partition(":")[0] for image in found]
    assert sorted(names) == ["postgres", "prom/prometheus", "rabbitmq"]


def test_yamllint_finds_nothing_wrong() -> None:
    done = subprocess.run(
        ["yamllint", "--strict", "--config-file", ROOT / ".yamllint.yaml", DEPLOY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize(("path", "manifest"), MANIFESTS, ids=map(_name, MANIFESTS))
def test_a_manifest_matches_its_schema(path: Path, manifest: dict[str, Any]) -> None:
    check_schema(manifest)


def check_schema(manifest: dict[str, Any]) -> None:
    if module := OPERATORS.get(kind := manifest["kind"]):
        # Only here: these modules take seconds, and each process of the tests imports this one.
        read = getattr(import_module(module), kind).model_validate(manifest)
        # The model drops unknown fields.
        assert read.model_dump(by_alias=True, exclude_unset=True, mode="json") == manifest
    else:
        for version in ("1.29", "1.37"):
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_only_manifests_that_match_their_schemas(overlay: str) -> None:
    rendered = subprocess.check_output(["kubectl", "kustomize", KUBERNETES / overlay], text=True)
    manifests = list(yaml.safe_load_all(rendered))
    for manifest in manifests:
        check_schema(manifest)
    hosts = {manifest["spec"]["rules"][0]["host"] for manifest in of(manifests, "Ingress")}
    settings = {m["data"]["INGEST_ALLOWED_HOSTS"] for m in of(manifests, "ConfigMap")}
    assert hosts == settings
    accounts = {manifest["metadata"]["name"] for manifest in of(manifests, "ServiceAccount")}
    deployments = of(manifests, "Deployment")
    used = {m["spec"]["template"]["spec"].get("serviceAccountName") for m in deployments}
    assert (
        used - {None}
        == accounts
        == {"ingest-web", "ingest-extract", "ingest-save", "ingest-notify"}
    )


def of(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the manifests of a kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


@pytest.mark.parametrize("role", ["extract", "save", "notify"])
def test_prometheus_sees_each_worker(role: str) -> None:
    """Without it the alert IngestHasNoWorkers would fire for ever."""
    (pod,) = (m["spec"]["template"]["spec"] for p, m in PODS if p.stem == role)
    (sidecar,) = pod["initContainers"]
    assert (sidecar["restartPolicy"], sidecar["command"][:2]) == ("Always", ["ingest", "metrics"])
    assert sidecar["ports"] == [{"name": "metrics", "containerPort": 8404}]
    ((probe, file),) = (
        (p["exec"]["command"][-2:]) for p in [pod["containers"][0]["livenessProbe"]]
    )
    assert (probe, file) == ("ingest.process.alive", f"/var/lib/ingest/heartbeat-{role}")
    many = yaml.safe_load((DEPLOY / "compose.many.yaml").read_text())["services"]
    assert "ingest metrics --host 0.0.0.0 &" in many[role]["command"]
    scraped = (DEPLOY / "prometheus" / "prometheus.compose.yaml").read_text()
    assert re.search(rf"names: \[.*{role}.*\], type: A, port: 8404", scraped)


@pytest.mark.parametrize("name", ["compose.yaml", "compose.many.yaml"])
def test_each_container_of_ours_is_checked(name: str) -> None:
    """The image's own check is that of the web server."""
    services = yaml.safe_load((DEPLOY / name).read_text())["services"]
    ours = {one for one, service in services.items() if "build" in service}
    assert ours == {"web", "extract", "save", "notify", "flower"}
    checked = {
        one for one in ours if "ingest.process.alive" in str(services[one].get("healthcheck"))
    }
    assert checked == ours - {"web"}
    assert "ingest.process.alive" in (DEPLOY / "Dockerfile").read_text()


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=str)
def test_a_service_is_started_again_however_often_it_ends(unit: Path) -> None:
    text = unit.read_text()
    assert "UMask=0077\n" in text
    assert text.count("StartLimitIntervalSec=0\n") == text.count("Restart=always\nRestartSec=2\n")
    assert ("Type=oneshot" in text) != ("Restart=always" in text)


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


@pytest.mark.parametrize("role", ["web", "extract", "save", "notify"])
def test_a_shutdown_has_the_same_time_everywhere(role: str) -> None:
    """Kubernetes adds the seconds of preStop."""
    unit = (DEPLOY / "systemd" / f"ingest-{role}.service").read_text()
    (seconds,) = re.findall(r"TimeoutStopSec=(\d+)", unit)
    for path in DEPLOY.glob("compose*.yaml"):
        service = yaml.safe_load(path.read_text())["services"][role]
        assert service["stop_grace_period"] == f"{seconds}s"
    (pod,) = (m["spec"]["template"]["spec"] for p, m in PODS if p.stem == role)
    assert pod["terminationGracePeriodSeconds"] >= int(seconds)
