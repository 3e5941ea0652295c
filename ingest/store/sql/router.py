"""Which database holds the counts: a SQLite file of their own, or the PostgreSQL of the rest."""

from typing import Any

from django.conf import settings
from django.db import models

APP = "counts"


class CountsRouter:
    """Send the tables of counts to their database, and no others there."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        return self._database(model._meta.app_label)

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        return self._database(model._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        if app_label == APP:
            return db == settings.COUNTS_DATABASE
        return None if db == "default" else False

    def _database(self, app_label: str) -> str | None:
        return str(settings.COUNTS_DATABASE) if app_label == APP else None
