"""The Django project: its settings, its addresses, and the Celery app that goes with it."""

# It comes before any library that it tells something.
from ingestsite import configuration  # noqa: F401

# isort: split
from ingestsite.celery import app as celery_app

__all__ = ["celery_app"]
