"""The API's URLs."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from ingest.api import control, entities, posts, publications

PUBLICATION = "publications/<path:name>"

urlpatterns = [
    path("posts", posts.PostsView.as_view(), name="posts"),
    re_path(r"^posts/(?P<post_id>[0-9a-f]{32})\Z", posts.PostView.as_view(), name="post"),
    path("publications", publications.PublicationsView.as_view(), name="publications"),
    path(f"{PUBLICATION}/entities", publications.EntitiesView.as_view(), name="entities"),
    path(
        f"{PUBLICATION}/entities.csv",
        publications.EntitiesExportView.as_view(),
        {"format_": "csv"},
        name="csv",
    ),
    path(
        f"{PUBLICATION}/entities.json",
        publications.EntitiesExportView.as_view(),
        {"format_": "json"},
        name="json",
    ),
    path(PUBLICATION, publications.PublicationView.as_view(), name="publication"),
    path("entities/<str:entity_id>", entities.EntityView.as_view(), name="entity"),
    path(
        "entities/<str:entity_id>/posts",
        entities.EntityPostsView.as_view(),
        name="entity_posts",
    ),
    path("compare", entities.ComparisonView.as_view(), name="compare"),
    path("drain", control.DrainView.as_view(), name="drain"),
    path("resume", control.ResumeView.as_view(), name="resume"),
    path("status", control.StatusView.as_view(), name="status"),
    path("limits", control.LimitsView.as_view(), name="limits"),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs", SpectacularSwaggerView.as_view(url_name="openapi"), name="docs"),
]
