"""The admin site, whose start page is a dashboard with the pipeline's state and its controls."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from ingest.broker.admission import get_admission
from ingest.dashboard import posts, publications, state
from ingest.models import AuditEntry, ReadLimit
from ingest.observability.probe import Probe, ask_all
from ingest.operations import audit

RECENT_ENTRIES = 10  # audit log entries on the start page


class DashboardSite(AdminSite):
    """Django's admin, with the pipeline's state, drain and resume on its start page."""

    site_header = "ingest dashboard"
    site_title = "ingest"
    index_title = "The pipeline"
    index_template = "dashboard/index.html"
    # The start page has the same links, and lists need the width.
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Refuse accounts that may read some publications only: the admin shows all of them."""
        return super().has_permission(request) and not ReadLimit.of(request.user)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the login page of the site: there is one, and it asks for second factors."""
        if self.has_permission(request):
            return redirect("admin:index")
        return redirect_to_login(request.GET.get("next", reverse("admin:index")))

    def get_urls(self) -> list[Any]:
        own = [
            path("state/", self.admin_view(require_safe(self.state)), name="state"),
            path("drain/", self.admin_view(require_POST(self.drain)), name="drain"),
            path("resume/", self.admin_view(require_POST(self.resume)), name="resume"),
            path("publications/", self.admin_view(self.publications), name="publications"),
            path("posts/", self.admin_view(require_safe(self.posts)), name="posts"),
        ]
        return own + super().get_urls()

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        for app in apps:
            if app["app_label"] == "ingest":
                app["models"] = sorted(
                    [*app["models"], publications.entry(), posts.entry()],
                    key=lambda model: str(model["name"]),
                )
        return sorted(apps, key=lambda app: app["app_label"] != "ingest")

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        own = {"state": state.read_state(), "audit_log": _audit_log(request)}
        return super().index(request, {**own, **(extra_context or {})})

    def state(self, request: HttpRequest) -> HttpResponse:
        """Show only the state, which the open start page reloads."""
        return render(request, "dashboard/_state.html", {"state": state.read_state()})

    def drain(self, request: HttpRequest) -> HttpResponse:
        """Pause the intake."""
        return self._control(request, audit.Action.DRAIN)

    def resume(self, request: HttpRequest) -> HttpResponse:
        """Accept posts again."""
        return self._control(request, audit.Action.RESUME)

    def _control(self, request: HttpRequest, action: audit.Action) -> HttpResponse:
        if not request.user.has_perm("ingest.drain"):
            raise PermissionDenied
        admission = get_admission()
        control = admission.pause if action == audit.Action.DRAIN else admission.resume
        actor = audit.Actor(request.user.get_username(), audit.Via.ADMIN)

        def change() -> bool:
            control("operator")
            audit.record(actor, action)  # also when this page no longer waits
            return admission.is_writable()

        (outcome,) = ask_all(Probe("The broker", change), seconds=state.TIMEOUT_SECONDS)
        if outcome.problem:
            messages.error(request, f"{outcome.problem} Check the state below.")
        else:
            messages.success(request, _message(action, is_open=bool(outcome.found)))
        return redirect("admin:index")

    def publications(self, request: HttpRequest) -> HttpResponse:
        """Show publications and their most mentioned entities."""
        context = {
            **self.each_context(request),
            "title": "Publications",
            **publications.list_publications(request),
        }
        return render(request, "dashboard/publications.html", context)

    def posts(self, request: HttpRequest) -> HttpResponse:
        """Show where a post is."""
        context = {**self.each_context(request), "title": "Posts", **posts.look_up(request)}
        return render(request, "dashboard/posts.html", context)


def _message(action: audit.Action, *, is_open: bool) -> str:
    if action == audit.Action.DRAIN:
        return "New posts are refused. Accepted posts are still processed."
    if is_open:
        return "Posts are accepted again."
    return "The intake is still paused by a stop of the whole stack. A starting worker resumes it."


def _audit_log(request: HttpRequest) -> list[AuditEntry]:
    may_view = request.user.has_perm("ingest.view_auditentry")
    return list(AuditEntry.objects.all()[:RECENT_ENTRIES]) if may_view else []
