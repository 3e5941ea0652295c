"""The Django project: its settings, its URLs and its Celery app."""

from ingest.process import fork_memory

# Before all others, since it sets variables that libraries read when they are imported.
from ingestsite import configuration  # noqa: F401

# Most of a start is imports.
fork_memory.postpone_collections()
