"""The Celery app, configured by celeryconfig.py."""

import os

from celery import Celery

from ingest import transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingestsite.settings")

transport.install()

app = Celery("ingest")
app.config_from_object("celeryconfig")
app.set_default()
