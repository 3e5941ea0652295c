"""The application `counts`, as Django knows it."""

from django.apps import AppConfig


class CountsConfig(AppConfig):
    """The tables of the store in SQL, with migrations of their own."""

    name = "ingest.store.sql"
    label = "counts"
