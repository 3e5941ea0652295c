"""Where each address leads."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/", include("ingest.urls")),
    path("admin/", admin.site.urls),
]
