"""The Django project: its settings, its URLs and its Celery app."""

# First, since it sets variables that libraries read when they are imported.
from ingestsite import configuration  # noqa: F401
