"""Where each address leads."""

from django.contrib import admin
from django.urls import include, path

from ingest import health, scrape

# The API's problems for its addresses, Django's own pages for the others.
handler400 = "ingest.problems.bad_request"
handler403 = "ingest.problems.permission_denied"
handler404 = "ingest.problems.not_found"
handler500 = "ingest.problems.server_error"

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", scrape.Metrics.as_view(), name="metrics"),
    path("api/", include("ingest.urls")),
    path("admin/", admin.site.urls),
    path("", include("ingest.web.urls")),
]
