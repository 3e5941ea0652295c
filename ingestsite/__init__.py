"""The Django project: its settings, its addresses, and the Celery app that goes with it."""

from ingestsite.celery import app as celery_app

__all__ = ["celery_app"]
