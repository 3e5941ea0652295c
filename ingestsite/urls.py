"""Where each address leads."""

from django.contrib import admin
from django.urls import include, path

from ingest import health

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("api/", include("ingest.urls")),
    path("admin/", admin.site.urls),
]
