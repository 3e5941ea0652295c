"""The API's addresses."""

from django.urls import path

from ingest import api, reading

urlpatterns = [
    path("posts", api.Posts.as_view(), name="posts"),
    path("posts/<str:post_id>", api.OnePost.as_view(), name="post"),
    path("publications", reading.Publications.as_view(), name="publications"),
    path("publications/<path:name>/entities", reading.Entities.as_view(), name="entities"),
    path("drain", api.Drain.as_view(), name="drain"),
    path("resume", api.Resume.as_view(), name="resume"),
    path("status", api.Status.as_view(), name="status"),
]
