"""The API's addresses."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from ingest import api, reading

PUBLICATION = "publications/<path:name>"

urlpatterns = [
    path("posts", api.Posts.as_view(), name="posts"),
    re_path(r"^posts/(?P<post_id>[0-9a-f]{32})\Z", api.OnePost.as_view(), name="post"),
    path("publications", reading.Publications.as_view(), name="publications"),
    path(f"{PUBLICATION}/entities", reading.Entities.as_view(), name="entities"),
    path(f"{PUBLICATION}/entities.csv", reading.Export.as_view(), {"format_": "csv"}, name="csv"),
    path(
        f"{PUBLICATION}/entities.json", reading.Export.as_view(), {"format_": "json"}, name="json"
    ),
    path(PUBLICATION, reading.OnePublication.as_view(), name="publication"),
    path("entities/<str:entity_id>", reading.OneEntity.as_view(), name="entity"),
    path("entities/<str:entity_id>/posts", reading.EntityPosts.as_view(), name="entity_posts"),
    path("compare", reading.Compare.as_view(), name="compare"),
    path("drain", api.Drain.as_view(), name="drain"),
    path("resume", api.Resume.as_view(), name="resume"),
    path("status", api.Status.as_view(), name="status"),
    path("limits", api.Limits.as_view(), name="limits"),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs", SpectacularSwaggerView.as_view(url_name="openapi"), name="docs"),
]
