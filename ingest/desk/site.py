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

from ingest import audit
from ingest.desk import publications, state
from ingest.desk.looking import Look, wait_for
from ingest.gate import the_gate
from ingest.models import AuditEntry

RECENT = 10  # entries of the trail


class DeskSite(AdminSite):
    """The admin, whose start page an operator reads first."""

    site_header = "ingest: the operator's desk"
    site_title = "ingest"
    index_title = "The pipeline"
    index_template = "desk/index.html"

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
        seen = {"state": state.look(), "trail": _trail(request)}
        return super().index(request, {**seen, **(extra_context or {})})

    def state(self, request: HttpRequest) -> HttpResponse:
        """Show the state alone, for a start page that stays open."""
        return render(request, "desk/_state.html", {"state": state.look()})

    def drain(self, request: HttpRequest) -> HttpResponse:
        """Take in no more posts."""
        return self._move(request, audit.What.DRAIN)

    def resume(self, request: HttpRequest) -> HttpResponse:
        """Take posts in again."""
        return self._move(request, audit.What.RESUME)

    def _move(self, request: HttpRequest, what: audit.What) -> HttpResponse:
        if not request.user.has_perm("ingest.drain"):
            raise PermissionDenied
        gate = the_gate()
        move = gate.close if what == audit.What.DRAIN else gate.reopen
        look = Look("The broker", lambda: (move("operator"), gate.is_open())[1])
        wait_for(look)
        if look.problem:
            self._tell(request, f"{look.problem} Look again.", messages.ERROR)
        else:
            audit.record(audit.Actor(request.user.get_username(), audit.Via.ADMIN), what)
            self._tell(request, _moved(what, opened=bool(look.found)), messages.SUCCESS)
        return redirect("admin:index")

    def _tell(self, request: HttpRequest, words: str, level: int) -> None:
        messages.add_message(request, level, words)

    def publications(self, request: HttpRequest) -> HttpResponse:
        """Show publications and what each mentions most."""
        context = {
            **self.each_context(request),
            "title": "Publications",
            **publications.listed(request),
        }
        return render(request, "desk/publications.html", context)


def _moved(what: audit.What, *, opened: bool) -> str:
    if what == audit.What.DRAIN:
        return "No more posts are taken in; those that came before go through."
    if opened:
        return "Posts are taken in again."
    return "A stop of the whole stack still keeps the gate closed; a worker that starts opens it."


def _trail(request: HttpRequest) -> list[AuditEntry]:
    may = request.user.has_perm("ingest.view_auditentry")
    return list(AuditEntry.objects.all()[:RECENT]) if may else []
