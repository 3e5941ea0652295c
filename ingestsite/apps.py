"""Django's admin, on a site of our own."""

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """The admin with the pipeline's state on its start page."""

    default_site = "ingest.dashboard.site.DashboardSite"
