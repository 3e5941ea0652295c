"""The package: what it says of itself, and that it runs where no checkout is."""

import json
import os
import re
import subprocess
import sysconfig
import venv
from email import message_from_string
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement

from ingest import __version__
from ingest.process.installation import ROOT

POST = {"publication": "The Gazette", "content": "Angela Merkel met Barack Obama in Berlin."}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["uv", "build", "--quiet", "--out-dir", str(folder), str(ROOT)], check=True)
    assert (folder / f"ingest-{__version__}.tar.gz").exists()
    return folder / f"ingest-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own, beside the dependencies of this one."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin"


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode())


def required(name: str) -> set[str]:
    """Return the requirements of a file, as a package states them."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text("utf-8").splitlines()
    return {str(Requirement(line)) for line in lines if line and not line.startswith("#")}


def test_the_package_requires_what_the_locked_files_are_made_of(metadata: Message) -> None:
    stated = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    always = {str(one) for one in stated if "extra" not in str(one.marker)}
    assert always == required("base")
    for extra in ("client", "emulator", "parquet", "remote"):
        own = {str(one).partition(";")[0].strip() for one in stated if extra in str(one.marker)}
        assert own == required(extra)


def test_the_package_has_one_version_and_a_licence(wheel: Path, metadata: Message) -> None:
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## {re.escape(__version__)} \(\d{{4}}-\d\d-\d\d\)$", changes, re.M)
    others = [f"{ROOT}/{name}" for name in ("pyproject.toml", "ingestsite", "Makefile")]
    found = subprocess.run(["grep", "-rIF", __version__, *others], capture_output=True, text=True)
    assert found.stdout == ""


def test_the_example_of_an_env_file_names_settings_that_exist() -> None:
    named = re.findall(r"^#(INGEST_\w+)=", (ROOT / ".env.example").read_text(), re.M)
    documented = (ROOT / "docs" / "configuration.md").read_text()
    assert len(named) > 10
    assert [name for name in named if f"| `{name}` |" not in documented] == []


def test_the_hooks_before_a_commit_are_the_checks_of_make() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    locked = (ROOT / "requirements" / "dev.txt").read_text()
    for hook in repository["hooks"]:
        for package in hook.get("additional_dependencies", ()):
            assert f"{package} " in locked
    entries = {hook["entry"] for hook in repository["hooks"]}
    assert {"ruff check --force-exclude", "python tests/harness/prose.py"} <= entries


def test_every_file_of_the_checkout_s_packages_is_in_the_wheel(wheel: Path) -> None:
    listed = subprocess.check_output(["git", "ls-files", "ingest", "ingestsite"], cwd=ROOT)
    with ZipFile(wheel) as archive:
        assert set(listed.decode().splitlines()) <= set(archive.namelist())


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    posts = tmp_path / "posts.jsonl"
    posts.write_text(json.dumps(POST))
    folder = tmp_path / "empty"
    folder.mkdir()
    home = {"HOME": str(tmp_path), "INGEST_STORE": "sql", "INGEST_EXTRACT_CONCURRENCY": "1"}
    done = subprocess.run(
        [programs / "ingest", "demo", posts],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "accepted 1 saved 1 dead 0" in done.stdout
    assert re.search("Merkel .* 1 .* 1", done.stdout)
    assert list(folder.iterdir()) == []


def test_the_script_names_its_commands(programs: Path, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "INGEST_STORE": "sql"}

    def ingest(*words: str) -> str:
        command = [str(programs / "ingest"), *words]
        return subprocess.check_output(command, cwd=tmp_path, env=env, text=True)

    assert ingest("--version") == f"{__version__}\n"
    commands = set(re.findall(r"^ +(\w+)", ingest("help"), re.M))
    assert {"run", "demo", "simulate", "load", "drain", "recount", "migrate", "api_key"} <= commands
    assert "usage: ingest load" in ingest("load", "--help")
    ingest("migrate", "--verbosity", "0")
    assert (tmp_path / ".local" / "state" / "ingest" / "ingest.sqlite3").exists()
