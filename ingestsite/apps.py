"""Django's admin, with our own site class."""

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """The admin whose start page is the dashboard."""

    default_site = "ingest.dashboard.site.DashboardSite"
