"""The API's URLs."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from ingest.api import control, entities, posts, publications
from ingest.api.analysis import comparisons, exports, groups, mentioned_with
from ingest.api.analysis import posts as saved_posts
from ingest.api.authentication import StrangerThrottle
from ingest.api.operating import dead_letters
from ingest.api.tracking import lists, status
from ingest.api.watching import watches, webhooks

# The description of the API needs no key, so its readers are strangers.
PUBLIC = {"throttle_classes": (StrangerThrottle,)}
PUBLICATION = "publications/<path:name>"
FORMAT = r"\.(?P<format_>csv|json|parquet)\Z"
OF_PUBLICATION, OF_ENTITY = r"^publications/(?P<name>.+)/", r"^entities/(?P<entity_id>[^/]+)/"

EXPORTS = [
    re_path(prefix + FORMAT, view.as_view(), name=name)
    for prefix, view, name in (
        (f"{OF_PUBLICATION}days", exports.PublicationDaysExport, "days_file"),
        (f"{OF_PUBLICATION}posts", exports.PublicationPostsExport, "posts_file"),
        (f"{OF_PUBLICATION}trends", exports.TrendsExport, "trends_file"),
        (f"{OF_ENTITY}days", exports.EntityDaysExport, "entity_days_file"),
        (f"{OF_ENTITY}posts", exports.EntityPostsExport, "entity_posts_file"),
        (f"{OF_ENTITY}mentioned-with", exports.MentionedWithExport, "mentioned_with_file"),
        ("^comparison", exports.ComparisonExport, "comparison_file"),
    )
]

urlpatterns = [
    *EXPORTS,
    path("posts", posts.PostsView.as_view(), name="posts"),
    re_path(r"^posts/(?P<post_id>[0-9a-f]{32})\Z", status.PostView.as_view(), name="post"),
    path("lists/<str:name>", lists.SubmittedListView.as_view(), name="list"),
    # The shortest name and the longest id, since an id is often a URL.
    re_path(
        r"^publications/(?P<name>.+?)/posts/(?P<own_id>.+)\Z",
        status.OwnPostView.as_view(),
        name="own_post",
    ),
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
    path(f"{PUBLICATION}/trends", publications.TrendsView.as_view(), name="trends"),
    path(
        f"{PUBLICATION}/entities.parquet",
        publications.EntitiesExportView.as_view(),
        {"format_": "parquet"},
        name="parquet",
    ),
    path(
        f"{PUBLICATION}/posts",
        saved_posts.PublicationPostsView.as_view(),
        name="publication_posts",
    ),
    re_path(
        r"^posts/(?P<post_id>[0-9a-f]{32})/content\Z",
        saved_posts.PostContentView.as_view(),
        name="post_content",
    ),
    path(PUBLICATION, publications.PublicationView.as_view(), name="publication"),
    path("entities", entities.NameSearchView.as_view(), name="search"),
    path("entities/<str:entity_id>", entities.EntityView.as_view(), name="entity"),
    path(
        "entities/<str:entity_id>/posts",
        entities.EntityPostsView.as_view(),
        name="entity_posts",
    ),
    path(
        "entities/<str:entity_id>/mentioned-with",
        mentioned_with.MentionedWithView.as_view(),
        name="mentioned_with",
    ),
    path(
        "entities/<str:entity_id>/mentioned-with.graphml",
        mentioned_with.GraphmlView.as_view(),
        name="graphml",
    ),
    path("compare", entities.ComparisonView.as_view(), name="compare"),
    path("comparison", comparisons.ManyComparisonView.as_view(), name="comparison"),
    path("groups", groups.GroupsView.as_view(), name="groups"),
    path("groups/<slug:slug>", groups.GroupView.as_view(), name="group"),
    path("watches", watches.WatchesView.as_view(), name="watches"),
    path("watches/<int:pk>", watches.WatchView.as_view(), name="watch"),
    path("webhooks", webhooks.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<int:pk>", webhooks.WebhookView.as_view(), name="webhook"),
    path("dead-letters", dead_letters.DeadLettersView.as_view(), name="dead_letters"),
    path("dead-letters/replay", dead_letters.ReplayView.as_view(), name="replay"),
    path("dead-letters/discard", dead_letters.DiscardView.as_view(), name="discard"),
    path("dead-letters/<str:post_id>", dead_letters.DeadLetterView.as_view(), name="dead_letter"),
    path("drain", control.DrainView.as_view(), name="drain"),
    path("resume", control.ResumeView.as_view(), name="resume"),
    path("status", control.StatusView.as_view(), name="status"),
    path("limits", control.LimitsView.as_view(), name="limits"),
    path("openapi.json", SpectacularJSONAPIView.as_view(**PUBLIC), name="openapi"),
    path("docs", SpectacularSwaggerView.as_view(url_name="openapi", **PUBLIC), name="docs"),
]
