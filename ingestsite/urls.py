"""The URLs of the site."""

from django.contrib import admin
from django.urls import include, path

from ingest.api import health, prometheus

# Errors: problem+json for the API's URLs, Django's pages for the others.
handler400 = "ingest.api.errors.bad_request"
handler403 = "ingest.api.errors.permission_denied"
handler404 = "ingest.api.errors.not_found"
handler500 = "ingest.api.errors.server_error"

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", prometheus.MetricsView.as_view(), name="metrics"),
    path("api/", include("ingest.api.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("ingest.web.sign_in.urls")),
    path("", include("ingest.web.urls")),
]
