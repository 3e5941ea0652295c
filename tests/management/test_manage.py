"""The command line itself: the settings it finds, and readers that go away."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingestsite.configuration import ROOT

PRINT = "from ingestsite import configuration; print(configuration.BROKER_PORT)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with manage.py and a .env file."""
    shutil.copy(ROOT / "manage.py", tmp_path)
    state = f"INGEST_STATE_DIR='{tmp_path}/state'"
    (tmp_path / ".env").write_text(f"{state}\nINGEST_BROKER_PORT=18401\nINGEST_WEB_PORT=1\n")
    return tmp_path


def command(folder: Path, words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run words of a shell, in which `manage` is the command line."""
    manage = f"{sys.executable} {folder / 'manage.py'}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", words.replace("manage", manage, 1)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_has_the_settings_of_the_env_file(folder: Path) -> None:
    shell = f"manage shell --no-imports -c '{PRINT}'"
    assert command(folder, shell).stdout.split() == ["18401"]
    assert command(folder, shell, INGEST_BROKER_PORT="18402").stdout.split() == ["18402"]
    own = {"INGEST_STATE_DIR": str(folder / "other")}
    assert command(folder, shell, **own).stdout.split() == ["8401"]


def test_a_load_finds_the_server_of_this_machine(folder: Path) -> None:
    (folder / "posts.jsonl").write_text("{}")
    done = command(folder, f"manage load_posts {folder}/posts.jsonl", INGEST_KEY="ing_x")
    assert "http://127.0.0.1:1 does not answer" in done.stderr


MAKE = """
from ingest.models import ApiKey, DeadLetter
DeadLetter.objects.bulk_create(
    DeadLetter(post_id=f"{n:032}", step="save", reason="refused", publication="The Gazette",
               detail="x" * 80, attempts=1, payload={})
    for n in range(3000)
)
for n in range(800):
    ApiKey.create(f"{n} " + "x" * 90, scopes=["read"])
"""


def test_a_list_has_heads_and_survives_a_reader_that_goes(folder: Path) -> None:
    assert command(folder, "manage migrate --verbosity 0").returncode == 0
    assert command(folder, f"manage shell --no-imports -c '{MAKE}'").returncode == 0
    for name in ("dead_letters list", "api_key list"):
        done = command(folder, f"manage {name} | head -n 2")
        heads, first = done.stdout.splitlines()
        assert heads.isupper()
        assert heads.index("STATE" if name == "api_key list" else "STEP") == first.index(
            "valid" if name == "api_key list" else "save"
        )
        assert (done.stderr, done.returncode) == ("", 141)
