"""The pages' URLs. They contain ids, because a publication's name may have any character."""

from django.contrib.auth import views as auth
from django.urls import path, re_path

from ingest.web import (
    comparisons,
    corrections,
    downloads,
    embeds,
    feeds,
    mentioned_with,
    posts,
    views,
    watches,
)
from ingest.web.sign_in.views import LoginView

PUBLICATION = r"^publications/(?P<pub_id>[0-9a-f]{32})"
ENTITY = r"^entities/(?P<entity_id>[0-9a-f]{32})"
FORMAT = r"\.(?P<format_>csv|json|parquet)$"
EMBEDS = (
    (f"{PUBLICATION[1:]}/days", embeds.publication_days, "embed_publication"),
    (f"{ENTITY[1:]}/days", embeds.entity_days, "embed_entity"),
    ("compare", embeds.comparison, "embed_comparison"),
)
FEEDS = (
    (PUBLICATION[1:], feeds.publication, "publication"),
    (ENTITY[1:], feeds.entity, "entity"),
    ("search", feeds.search, "search"),
)

app_name = "web"
urlpatterns = [
    path("", views.front, name="front"),
    re_path(rf"{PUBLICATION}$", views.publication, name="publication"),
    re_path(rf"{PUBLICATION}/entities{FORMAT}", views.entities_export, name="export"),
    re_path(rf"{PUBLICATION}/trends$", views.trends, name="trends"),
    re_path(rf"{PUBLICATION}/trends{FORMAT}", downloads.trends_file, name="trends_file"),
    re_path(rf"{ENTITY}$", views.entity, name="entity"),
    re_path(rf"{ENTITY}/mentioned-with$", mentioned_with.mentioned_with, name="mentioned_with"),
    re_path(rf"{ENTITY}/mentioned-with\.graphml$", mentioned_with.graphml, name="graphml"),
    path("search", views.search, name="search"),
    re_path(rf"{PUBLICATION}/posts$", posts.publication_posts, name="publication_posts"),
    re_path(r"^posts/(?P<post_id>[0-9a-f]{32})$", posts.post, name="post"),
    re_path(rf"{PUBLICATION}/days{FORMAT}", downloads.publication_days_file, name="days_file"),
    re_path(rf"{PUBLICATION}/posts{FORMAT}", downloads.posts_file, name="posts_file"),
    re_path(rf"{ENTITY}/days{FORMAT}", downloads.entity_days_file, name="entity_days_file"),
    re_path(rf"{ENTITY}/posts{FORMAT}", downloads.posts_file, name="entity_posts_file"),
    re_path(rf"{ENTITY}/mentioned-with{FORMAT}", downloads.mentioned_with_file, name="with_file"),
    re_path(rf"^compare{FORMAT}", downloads.comparison_file, name="comparison_file"),
    path("compare", comparisons.comparison, name="compare"),
    *(
        re_path(rf"^embed/{prefix}{ending}$", view, {"as_svg": as_svg}, name=f"{name}{suffix}")
        for prefix, view, name in EMBEDS
        for ending, as_svg, suffix in (("", False, ""), (r"\.svg", True, "_svg"))
    ),
    re_path(rf"{ENTITY}/correct$", corrections.correct, name="correct"),
    path("corrections/<int:backfill_id>", corrections.correction, name="correction"),
    path("corrections/<int:alias_id>/undo", corrections.undo, name="undo"),
    path("problems/<slug:name>", views.problem, name="problem"),
    path("feeds/<str:address>.atom", feeds.watch, name="watch_feed"),
    *(
        re_path(rf"^{secret}{pattern}\.atom$", view, name=f"{kind}{name}_feed")
        for secret, kind in (("", ""), (r"feeds/(?P<address>[\w-]{32})/", "secret_"))
        for pattern, view, name in FEEDS
    ),
    re_path(rf"{ENTITY}/watch$", watches.watch_entity, name="watch_entity"),
    re_path(rf"{PUBLICATION}/watch$", watches.watch_publication, name="watch_publication"),
    path("watches", watches.watches, name="watches"),
    path("login", LoginView.as_view(), name="login"),
    path("logout", auth.LogoutView.as_view(next_page="web:front"), name="logout"),
]
