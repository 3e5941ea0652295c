"""The application `counts`, as Django knows it."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from ingest.store.sql.patience import limit_connection


class CountsConfig(AppConfig):
    """The tables of the store in SQL, with migrations of their own."""

    name = "ingest.store.sql"
    label = "counts"

    def ready(self) -> None:
        """Let the connections that are opened from now on end with a caller's patience."""
        connection_created.connect(limit_connection)
