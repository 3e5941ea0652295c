"""Migrations of the store in SQL, over the rows that an older version wrote."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.db import connections

from ingest.store.base import PostCursor
from ingest.store.sql.models import PostRow
from ingest.store.sql.store import SqlStore
from tests.support.factories import NOON, with_entities


def test_posts_of_an_older_version_get_their_day(sql: SqlStore, settings: Any) -> None:
    dated = with_entities("1", published_at=NOON.replace(year=2001))
    plain, deleted = with_entities("2"), with_entities("3")
    sql.add([dated, plain, deleted])
    sql.remove(deleted.post_id, at=NOON)
    PostRow.objects.update(day=None)
    migration = import_module("ingest.store.sql.migrations.0004_post_days")
    editor = SimpleNamespace(connection=connections[settings.COUNTS_DATABASE])
    migration.fill_in_days(apps, editor)
    assert sql.newest_posts("The Gazette", limit=9) == [plain, dated]
    after = PostCursor("2026-05-04", plain.post_id)
    assert sql.newest_posts("The Gazette", limit=9, after=after) == [dated]
    assert PostRow.objects.get(post_id=deleted.post_id).day is None
