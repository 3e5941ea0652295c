"""The desk itself: Django's admin with the pipeline's state, drain and resume on its start page."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from ingest.broker.admission import get_admission
from ingest.dashboard import publications, state
from ingest.models import AuditEntry
from ingest.observability.probe import Probe, ask_all
from ingest.operations import audit

RECENT_ENTRIES = 10  # entries of the trail


class DashboardSite(AdminSite):
    """The admin, whose start page an operator reads first."""

    site_header = "ingest: the operator's desk"
    site_title = "ingest"
    index_title = "The pipeline"
    index_template = "dashboard/index.html"

    def get_urls(self) -> list[Any]:
        own = [
            path("state/", self.admin_view(require_safe(self.state)), name="state"),
            path("drain/", self.admin_view(require_POST(self.drain)), name="drain"),
            path("resume/", self.admin_view(require_POST(self.resume)), name="resume"),
            path("publications/", self.admin_view(self.publications), name="publications"),
        ]
        return own + super().get_urls()

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        for app in apps:
            if app["app_label"] == "ingest":
                app["models"] = sorted(
                    [*app["models"], publications.entry()], key=lambda model: str(model["name"])
                )
        return sorted(apps, key=lambda app: app["app_label"] != "ingest")

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        seen = {"state": state.read_state(), "trail": _trail(request)}
        return super().index(request, {**seen, **(extra_context or {})})

    def state(self, request: HttpRequest) -> HttpResponse:
        """Show the state alone, for a start page that stays open."""
        return render(request, "dashboard/_state.html", {"state": state.read_state()})

    def drain(self, request: HttpRequest) -> HttpResponse:
        """Take in no more posts."""
        return self._move(request, audit.Action.DRAIN)

    def resume(self, request: HttpRequest) -> HttpResponse:
        """Take posts in again."""
        return self._move(request, audit.Action.RESUME)

    def _move(self, request: HttpRequest, what: audit.Action) -> HttpResponse:
        if not request.user.has_perm("ingest.drain"):
            raise PermissionDenied
        admission = get_admission()
        move = admission.pause if what == audit.Action.DRAIN else admission.resume
        probe = Probe("The broker", lambda: (move("operator"), admission.is_writable())[1])
        (outcome,) = ask_all(probe, seconds=state.TIMEOUT_SECONDS)
        if outcome.problem:
            self._tell(request, f"{outcome.problem} Look again.", messages.ERROR)
        else:
            audit.record(audit.Actor(request.user.get_username(), audit.Via.ADMIN), what)
            self._tell(request, _moved(what, opened=bool(outcome.found)), messages.SUCCESS)
        return redirect("admin:index")

    def _tell(self, request: HttpRequest, words: str, level: int) -> None:
        messages.add_message(request, level, words)

    def publications(self, request: HttpRequest) -> HttpResponse:
        """Show publications and what each mentions most."""
        context = {
            **self.each_context(request),
            "title": "Publications",
            **publications.list_publications(request),
        }
        return render(request, "dashboard/publications.html", context)


def _moved(what: audit.Action, *, opened: bool) -> str:
    if what == audit.Action.DRAIN:
        return "No more posts are taken in; those that came before go through."
    if opened:
        return "Posts are taken in again."
    return "A stop of the whole stack still keeps the gate closed; a worker that starts opens it."


def _trail(request: HttpRequest) -> list[AuditEntry]:
    may = request.user.has_perm("ingest.view_auditentry")
    return list(AuditEntry.objects.all()[:RECENT_ENTRIES]) if may else []
