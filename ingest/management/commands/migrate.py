"""Migrate every database, since Django's own command migrates only the default one."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: Any) -> Any:
        databases = _databases(options["database"], options["app_label"])
        return {**super().get_check_kwargs(options), "databases": databases}

    def handle(self, *args: Any, **options: Any) -> None:
        for database in _databases(options["database"], options["app_label"]):
            super().handle(*args, **{**options, "database": database})


def _databases(named: str | None, app_label: str | None) -> list[str]:
    """Return the databases of a command line: one that it names, or those of the application."""
    if named:
        return [named]
    if app_label:
        return [settings.COUNTS_DATABASE if app_label == "counts" else DEFAULT_DB_ALIAS]
    return list(settings.DATABASES)
