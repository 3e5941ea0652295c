"""The Django project: its settings, its URLs and its Celery app."""

# First, since it sets variables that libraries read when they are imported.
from ingestsite import configuration  # noqa: F401

# isort: split
from ingestsite.celery import app as celery_app

__all__ = ["celery_app"]
