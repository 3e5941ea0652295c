"""Django's admin, with our own site class."""

from django.contrib.admin import apps

# Django loads this module at its start. Programs without Django need no Celery.
from ingestsite import celery  # noqa: F401


class AdminConfig(apps.AdminConfig):
    """The admin whose start page is the dashboard."""

    default_site = "ingest.dashboard.site.DashboardSite"
