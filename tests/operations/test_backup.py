"""A backup is restored into an empty machine: every row and every count is the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.operations import backup
from ingest.store.base import Store
from ingestsite.configuration import ROOT
from tests.support.factories import entity, with_entities
from tests.support.postgresql import PostgreSQL

FILL = """
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from ingest.models import Alias, ApiKey, DeadLetter, ReadLimit
from ingest.store import open_store
from tests.support.factories import NOON, entity, with_entities
ApiKey.create("wire", scopes=["submit"])
User.objects.create_user("olive").groups.add(Group.objects.get(name="operator"))
Authenticator.objects.create(user=User.objects.get(), type="totp", data={"secret": "encrypted"})
ReadLimit.objects.create(role=Group.objects.create(name="gazette"), publications=["The Gazette"])
Alias(name="US", label="GPE", becomes="United States").save()
DeadLetter.objects.create(post_id="1", publication="x", attempts=1, payload={"a": "\\x00\\ud800"})
posts = [with_entities(str(n), [entity("Obama", 2)]) for n in range(5)]
open_store().add(posts)
open_store().forget([posts[0].post_id], at=NOON)
"""
SHOW = """
import json
from django.apps import apps
from django.core import serializers
from django.conf import settings
from ingest.models import ApiKey, DeadLetter
from ingest.operations.backup import _fields, _models, _to_json
from ingest.store import open_store
for alias in settings.DATABASES:
    for model in _models(alias):
        rows = model._base_manager.using(alias).values_list(*[f.attname for f in _fields(model)])
        for row in sorted(json.dumps(row, default=_to_json) for row in rows):
            if "auditentry" not in model._meta.label_lower:
                print(model._meta.label_lower, row)
assert not open_store().recount("The Gazette").diff
ApiKey.create("after", scopes=["submit"])  # its number must be new
"""


def manage(folder: Path, *arguments: str, url: str = "") -> str:
    """Run a command on the machine whose state is in a folder."""
    own = {"INGEST_STATE_DIR": str(folder), "INGEST_STORE": "sql", "INGEST_DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**os.environ, **own},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def shown(folder: Path, *, url: str = "") -> list[str]:
    return manage(folder, "shell", "-v", "0", "-c", SHOW, url=url).splitlines()


def test_a_backup_is_restored_into_an_empty_machine(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", str(tmp_path / "backup.zip")
    manage(old, "migrate", "-v", "0")
    manage(old, "shell", "-v", "0", "-c", FILL)
    assert "totals of 5 posts" in manage(old, "backup", file)
    manage(new, "migrate", "-v", "0")
    assert "1 publications have the counts of the backup" in manage(
        new, "backup", file, "--restore"
    )
    assert shown(new) == shown(old)
    with pytest.raises(AssertionError, match="are here already"):
        manage(new, "backup", file, "--restore")


def test_a_backup_of_sqlite_is_restored_into_postgresql(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", str(tmp_path / "backup.zip")
    url = postgresql.new_database()
    manage(old, "migrate", "-v", "0")
    manage(old, "shell", "-v", "0", "-c", FILL)
    manage(old, "backup", file)
    manage(new, "migrate", "-v", "0", url=url)
    assert "have the counts of the backup" in manage(new, "backup", file, "--restore", url=url)
    assert len(shown(new, url=url)) == len(shown(old))


def test_totals_of_a_store_are_compared_with_those_of_a_backup(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "open_store", lambda: store)
    store.add([with_entities("1", [entity("Obama")]), with_entities("2", publication="Herald")])
    manifest = {"counts": backup.read_totals()}
    assert backup.different_totals(manifest) == []
    store.add([with_entities("3", publication="Herald")])
    assert backup.different_totals(manifest) == ["Herald"]
