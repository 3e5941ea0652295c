"""Queries of the counts end when their caller has waited long enough."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from ingest.store.deadline import seconds_left

# SQLite asks after so many steps of its machine; about every millisecond.
STEPS = 10_000

LEAST_MILLISECONDS = 1  # PostgreSQL reads 0 as no limit


def limit_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let a new connection to the database of the counts end with a caller's patience."""
    if connection.alias != settings.COUNTS_DATABASE:
        return
    if connection.vendor == "sqlite":
        connection.connection.set_progress_handler(_is_over, STEPS)
    elif _limit_statement not in connection.execute_wrappers:
        connection.execute_wrappers.append(_limit_statement)


def _is_over() -> bool:
    left = seconds_left()
    return left is not None and left <= 0


def _limit_statement(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Give PostgreSQL the time that is left before a statement, and take it back after it."""
    left, connection = seconds_left(), context["connection"].connection
    if left is None or not _takes_commands(connection):
        return execute(sql, params, many, context)
    connection.execute(f"SET statement_timeout = {max(LEAST_MILLISECONDS, int(1000 * left))}")
    try:
        return execute(sql, params, many, context)
    finally:
        if _takes_commands(connection):
            connection.execute("SET statement_timeout = DEFAULT")


def _takes_commands(connection: Any) -> bool:
    """
    Return whether PostgreSQL takes a command now, and not only a rollback.

    A rollback takes the time of an ended statement back too.
    """
    return connection.info.transaction_status.name in ("IDLE", "INTRANS")
