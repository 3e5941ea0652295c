"""The application `ingest`, as Django knows it."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Models, commands and the admin; the pages and the dashboard are applications of their own."""

    name = "ingest"
    label = "ingest"

    def ready(self) -> None:
        """Register the system checks, which read the settings."""
        from ingest.management import checks  # noqa: F401
