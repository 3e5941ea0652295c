"""The Celery app, configured by celeryconfig.py."""

import os
from typing import Any

from celery import Celery, signals

from ingest.broker import redis_transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingestsite.settings")
# Django's checks import every view into each worker. `ingest migrate` runs them too.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

redis_transport.install()

app = Celery("ingest")
app.config_from_object("ingestsite.celeryconfig")
app.set_default()


@signals.setup_logging.connect
def leave_logging_alone(**_: Any) -> None:
    """Keep Celery from configuring the log: Django's settings do it in every process."""
