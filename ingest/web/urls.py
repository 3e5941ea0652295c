"""The pages' URLs. They contain ids, because a publication's name may have any character."""

from django.contrib.auth import views as auth
from django.urls import path, re_path

from ingest.web import views

PUBLICATION = r"^publications/(?P<pub_id>[0-9a-f]{32})"

app_name = "web"
urlpatterns = [
    path("", views.front, name="front"),
    re_path(rf"{PUBLICATION}$", views.publication, name="publication"),
    re_path(
        rf"{PUBLICATION}/entities\.(?P<format_>csv|json)$", views.entities_export, name="export"
    ),
    re_path(r"^entities/(?P<entity_id>[0-9a-f]{32})$", views.entity, name="entity"),
    path("compare", views.comparison, name="compare"),
    path("login", auth.LoginView.as_view(template_name="web/login.html"), name="login"),
    path("logout", auth.LogoutView.as_view(next_page="web:front"), name="logout"),
]
