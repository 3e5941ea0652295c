"""
Backups: the rows of the database, and of the counts in SQL, in one file; and their restore.

A file of rows in JSON can be read on SQLite and on PostgreSQL, whichever of the two wrote it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import ZIP_DEFLATED, ZipFile

from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connections, models, router, transaction
from django.db.migrations.recorder import MigrationRecorder

from ingest.store import open_store
from ingest.store.sql.database import snapshot

FORMAT = 1
MANIFEST = "manifest.json"
CHUNK_ROWS = 1000
# What a restored machine makes anew: logins, locks, and requests that no longer run.
LEFT_OUT = frozenset(
    (
        *("sessions.session", "ingest.keyuse", "ingest.inflightrequest"),
        *("axes.accessattempt", "axes.accesslog", "axes.accessfailurelog"),
        "axes.accessattemptexpiration",
    )
)
# What migrations have filled before a restore.
FILLED = frozenset(("auth", "contenttypes", "sites"))  # whole applications
FILLED_TABLES = frozenset(("ingest.defaultnameset",))

Model = type[models.Model]
Field: TypeAlias = "models.Field[Any, Any]"
# It is called with the name of each table and the number of its rows.
Tell = Callable[[str, int], object]


class NotRestored(Exception):
    """The file cannot be restored here. Nothing was changed."""


def write_backup(path: Path, *, tell: Tell) -> dict[str, Any]:
    """Write a backup as of one time for each database, and return its manifest."""
    rows: dict[str, int] = {}
    with ZipFile(path, "x", ZIP_DEFLATED) as file:
        for alias in settings.DATABASES:
            with snapshot(connections[alias]):
                for model in _models(alias):
                    rows[model._meta.label_lower] = _write_table(file, alias, model)
                    tell(model._meta.label_lower, rows[model._meta.label_lower])
                if alias == settings.COUNTS_DATABASE:
                    counts = read_totals()
        manifest = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(),
            "store": settings.STORE,
            "migrations": _migrations(),
            "rows": rows,
            "counts": counts,
        }
        file.writestr(MANIFEST, json.dumps(manifest, indent=1))
    return manifest


def restore_backup(path: Path, *, tell: Tell) -> None:
    """
    Put the rows of a backup into empty databases, each in one transaction.

    Raises:
        NotRestored: there are rows already, or the backup is of other migrations.
    """
    manifest = read_manifest(path)
    if manifest["migrations"] != _migrations():
        raise NotRestored("The backup is of another version. Install that version, then restore.")
    if settings.STORE == "sql" and manifest["store"] != "sql":
        raise NotRestored("The backup has no counts, since its store was not in SQL.")
    for alias in settings.DATABASES:
        _check_empty(alias)
    with ZipFile(path) as file:
        for alias in settings.DATABASES:
            with transaction.atomic(using=alias):
                _clear(alias)
                for model in _models(alias):
                    tell(model._meta.label_lower, _read_table(file, alias, model))
                _reset_sequences(alias)


def read_manifest(path: Path) -> dict[str, Any]:
    """
    Return what a backup says of itself.

    Raises:
        NotRestored: the file is not a backup that this version reads.
    """
    with ZipFile(path) as file:
        manifest: dict[str, Any] = json.loads(file.read(MANIFEST))
    if manifest.get("format") != FORMAT:
        raise NotRestored("This version does not read this backup.")
    return manifest


def read_totals() -> dict[str, Any]:
    """Return the totals of each publication in the store: posts, and families of entities."""
    store = open_store()
    return {
        publication.id: {
            "name": publication.name,
            "posts": publication.posts,
            "days": len(publication.days),
            "families": {
                f.family: [f.entities, f.mentions] for f in store.families(publication.name)
            },
        }
        for publication in store.publications()
    }


def different_totals(manifest: dict[str, Any]) -> list[str]:
    """Return the names of publications whose totals in the store are not those of a backup."""
    now, then = read_totals(), manifest["counts"]
    different = [
        pub_id for pub_id in now.keys() | then.keys() if now.get(pub_id) != then.get(pub_id)
    ]
    return sorted((now.get(pub_id) or then[pub_id])["name"] for pub_id in different)


def _models(alias: str) -> list[Model]:
    """Return the models of a database that a backup has."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        and not model._meta.proxy
        and model._meta.label_lower not in LEFT_OUT
        and router.allow_migrate_model(alias, model)
        and (model._meta.app_label != "counts" or settings.STORE == "sql")
    ]


def _migrations() -> list[str]:
    """Return the migrations that the databases have."""
    applied = {
        f"{app}.{name}"
        for alias in settings.DATABASES
        for app, name in MigrationRecorder(connections[alias]).applied_migrations()
    }
    return sorted(applied)


def _fields(model: Model) -> list[Field]:
    """Return the fields of a model that are columns."""
    return [field for field in model._meta.concrete_fields if field.column]


def _write_table(file: ZipFile, alias: str, model: Model) -> int:
    names = [field.attname for field in _fields(model)]
    number = 0
    with file.open(f"{model._meta.label_lower}.jsonl", "w", force_zip64=True) as lines:
        rows = model._base_manager.using(alias).order_by().values_list(*names)
        for number, row in enumerate(rows.iterator(CHUNK_ROWS), 1):  # noqa: B007
            lines.write(json.dumps(row, default=_to_json).encode() + b"\n")
    return number


def _to_json(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    raise TypeError(f"no JSON for {type(value).__name__}")


def _read_table(file: ZipFile, alias: str, model: Model) -> int:
    fields = _fields(model)
    quoted = connections[alias].ops.quote_name
    statement = (
        f"INSERT INTO {quoted(model._meta.db_table)} "  # noqa: S608  # our own names
        f"({', '.join(quoted(str(field.column)) for field in fields)}) "
        f"VALUES ({', '.join(['%s'] * len(fields))})"
    )
    number = 0
    with file.open(f"{model._meta.label_lower}.jsonl") as lines:
        rows = (_from_json(alias, fields, json.loads(line)) for line in lines)
        while chunk := list(islice(rows, CHUNK_ROWS)):
            with connections[alias].cursor() as cursor:
                cursor.executemany(statement, chunk)
            number += len(chunk)
    return number


def _from_json(alias: str, fields: list[Field], row: list[Any]) -> list[Any]:
    return [
        field.get_db_prep_save(_value(field, value), connections[alias])
        for field, value in zip(fields, row, strict=True)
    ]


def _value(field: Field, value: Any) -> Any:
    if isinstance(field, models.BinaryField) and value is not None:
        return b64decode(value)
    return value if isinstance(field, models.JSONField) else field.to_python(value)


def _check_empty(alias: str) -> None:
    for model in _models(alias):
        if model._meta.app_label in FILLED or model._meta.label_lower in FILLED_TABLES:
            continue
        if model._base_manager.using(alias).exists():
            raise NotRestored(f"{model._meta.verbose_name_plural} are here already.")
    if alias == "default" and apps.get_model("auth.User")._base_manager.using(alias).exists():
        raise NotRestored("Accounts are here already.")


def _clear(alias: str) -> None:
    """Delete what migrations have filled."""
    for model in reversed(_models(alias)):
        model._base_manager.using(alias).all()._raw_delete(alias)


def _reset_sequences(alias: str) -> None:
    """Let new rows get numbers after those of the backup."""
    statements = connections[alias].ops.sequence_reset_sql(no_style(), _models(alias))
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
