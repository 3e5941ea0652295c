"""The database of the counts: its transactions, how it fails, and the statement that adds up."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DataError, Error, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ingest.core.chunks import chunks
from ingest.observability import metrics
from ingest.store.base import StoreRefused, StoreUnavailable

# SQLite allows 32,766 parameters a statement, and PostgreSQL 65,535.
STATEMENT_ROWS = 1000

Row = tuple[Any, ...]


def database() -> BaseDatabaseWrapper:
    """Return this thread's connection to the database of the counts."""
    return connections[settings.COUNTS_DATABASE]


@contextmanager
def unavailable_on_error() -> Iterator[None]:
    """
    Turn every failure of the database but a refusal of a value into StoreUnavailable.

    A missing table is one too: a person can mend it, and until then nothing is lost.
    """
    try:
        yield
    except DataError as error:
        raise StoreRefused(str(error)) from error
    except Error as error:
        metrics.STORE_ERRORS.labels(type(error).__name__).inc()
        if not database().in_atomic_block:
            database().close()  # the next call connects again
        raise StoreUnavailable(f"SQL: {type(error).__name__}: {error}") from error


@contextmanager
def transact() -> Iterator[None]:
    """Write in one transaction: all of it is written, or nothing."""
    with unavailable_on_error(), transaction.atomic(using=settings.COUNTS_DATABASE):
        yield


@contextmanager
def snapshot(connection: BaseDatabaseWrapper | None = None) -> Iterator[None]:
    """Read the counts, or another database, as of one time, and let writers write."""
    connection = connection or database()
    with unavailable_on_error():
        if connection.in_atomic_block:
            yield
            return
        is_sqlite = connection.vendor == "sqlite"
        begin = "BEGIN DEFERRED" if is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with connection.cursor() as cursor:
            cursor.execute(begin)
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def add_up(
    model: type[models.Model],
    keys: Sequence[str],
    sums: Sequence[str],
    rows: Iterable[Row],
    *,
    fixed: Sequence[str] = (),
    returning: str = "",
) -> list[Row]:
    """
    Add rows to the counters of a table, and create the counters that are new.

    Rows come in the order of their keys. So two savers never wait for each other in a circle.

    Args:
        keys: the columns by which a counter is found; a row begins with them.
        sums: the columns that are added; a row ends with them.
        fixed: the columns between, which only a new counter takes.
        returning: the columns that are returned of each counter.
    """
    columns = [*keys, *fixed, *sums]
    table = model._meta.db_table
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    tail = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"
    return insert(model, columns, rows, tail=tail, returning=returning)


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    tail: str,
    returning: str = "",
) -> list[Row]:
    """Insert rows, many a statement, and return what the statements return."""
    found: list[Row] = []
    is_postgresql = database().vendor == "postgresql"
    tail += f" RETURNING {returning}" if returning else ""
    with database().cursor() as cursor:
        for chunk in chunks(rows, STATEMENT_ROWS):
            given, values = (
                _rows_as_json(model, columns, chunk) if is_postgresql else _rows_as_values(chunk)
            )
            # Names of our own tables and columns; every value is a parameter.
            head = f"INSERT INTO {model._meta.db_table} ({', '.join(columns)})"
            cursor.execute(f"{head} {given} {tail}", values)
            found += cursor.fetchall() if returning else ()
    return found


def _rows_as_values(rows: Sequence[Row]) -> tuple[str, list[Any]]:
    """Return what gives rows to a statement, with a parameter for each value."""
    row_values = f"({', '.join(['%s'] * len(rows[0]))})"
    values = [value for row in rows for value in row]
    return f"VALUES {', '.join([row_values] * len(rows))}", values


def _rows_as_json(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]
) -> tuple[str, list[Any]]:
    """Return the same with one parameter, which takes PostgreSQL and its client less time."""
    types = {field.column: field.db_type(database()) for field in model._meta.concrete_fields}
    typed = ", ".join(f"{column} {types[column]}" for column in columns)
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    text = json.dumps(named, default=_json_value)
    return f"SELECT * FROM json_to_recordset(%s) AS given ({typed})", [text]  # noqa: S608


def _json_value(value: bytes | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else rf"\x{value.hex()}"


def execute_many(statement: str, rows: Sequence[Row]) -> None:
    """Execute a statement for each row of values."""
    if rows:
        with database().cursor() as cursor:
            cursor.executemany(statement, rows)
