"""The pages' URLs. They contain ids, because a publication's name may have any character."""

from django.contrib.auth import views as auth
from django.urls import path, re_path

from ingest.web import comparisons, mentioned_with, posts, views

PUBLICATION = r"^publications/(?P<pub_id>[0-9a-f]{32})"
ENTITY = r"^entities/(?P<entity_id>[0-9a-f]{32})"

app_name = "web"
urlpatterns = [
    path("", views.front, name="front"),
    re_path(rf"{PUBLICATION}$", views.publication, name="publication"),
    re_path(
        rf"{PUBLICATION}/entities\.(?P<format_>csv|json)$", views.entities_export, name="export"
    ),
    re_path(rf"{PUBLICATION}/trends$", views.trends, name="trends"),
    re_path(rf"{ENTITY}$", views.entity, name="entity"),
    re_path(rf"{ENTITY}/mentioned-with$", mentioned_with.mentioned_with, name="mentioned_with"),
    re_path(rf"{ENTITY}/mentioned-with\.graphml$", mentioned_with.graphml, name="graphml"),
    path("search", views.search, name="search"),
    re_path(rf"{PUBLICATION}/posts$", posts.publication_posts, name="publication_posts"),
    re_path(r"^posts/(?P<post_id>[0-9a-f]{32})$", posts.post, name="post"),
    path("compare", comparisons.comparison, name="compare"),
    path("login", auth.LoginView.as_view(template_name="web/login.html"), name="login"),
    path("logout", auth.LogoutView.as_view(next_page="web:front"), name="logout"),
]
