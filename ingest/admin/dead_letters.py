"""Dead letters in the admin: read and filter them, and replay or discard one, some or all."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ingest.admin.audit import ReadOnlyAdmin, actor_of
from ingest.admin.lists import ListAdmin
from ingest.models import DeadLetter, DeadLetterReplay
from ingest.operations.replay import CHUNK_SIZE, cancel, discard, replay, start

# Each decision is the name of a method here, of a permission and of a URL.
DECISIONS = ("replay", "discard")
LIST = "admin:ingest_deadletter_changelist"
SAMPLE_SIZE = 10  # dead letters that the confirmation page lists


@admin.register(DeadLetter)
class DeadLetterAdmin(ListAdmin, ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read why posts could not be processed, and replay or discard them."""

    list_display = ("post_id", "publication", "step", "reason", "attempts", "last_at", "problem")
    list_filter = ("reason", "step", ("publication", admin.AllValuesFieldListFilter))
    search_fields = ("post_id", "publication", "detail")
    date_hierarchy = "last_at"
    actions = ("replay", "discard")
    fields = (
        *("post_id", "publication", "step", "reason", "attempts", "first_at", "last_at"),
        *("detail", "stack", "title", "url", "text", "entities"),
    )

    @admin.display()
    def problem(self, dead_letter: DeadLetter) -> str:
        """Return the beginning of the detail."""
        return dead_letter.detail[:80]

    @admin.display(description="Trace")
    def stack(self, dead_letter: DeadLetter) -> SafeString | str:
        """Show the traceback."""
        trace = dead_letter.trace
        return format_html('<pre class="trace">{}</pre>', trace) if trace else "-"

    @admin.display()
    def title(self, dead_letter: DeadLetter) -> str:
        """Show the post's title."""
        return str(dead_letter.payload.get("title") or "-")

    @admin.display(description="URL")
    def url(self, dead_letter: DeadLetter) -> str:
        """Show the post's URL as text, not as a link, because a client may send any URL."""
        return str(dead_letter.payload.get("url") or "-")

    @admin.display(description="Post")
    def text(self, dead_letter: DeadLetter) -> SafeString:
        """Show the post's text, or the payload if it is not a post."""
        text = dead_letter.content or json.dumps(dead_letter.payload, indent=2, ensure_ascii=False)
        return format_html('<div class="post">{}</div>', text)

    @admin.display()
    def entities(self, dead_letter: DeadLetter) -> str:
        """Show the entities of the post if the extract step found them."""
        found = dead_letter.payload.get("entities") or ()
        return ", ".join(f"{text} ({label}, {count})" for _, label, text, count in found) or "-"

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may replay."""
        return request.user.has_perm("ingest.replay_deadletter")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may discard."""
        return request.user.has_perm("ingest.discard_deadletter")

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(self.decide)
        own = [
            path(f"{name}/", decide, {"decision": name}, name=f"ingest_deadletter_{name}")
            for name in DECISIONS
        ]
        return own + super().get_urls()

    @admin.action(description="Replay the selected dead letters", permissions=["replay"])
    def replay(self, request: HttpRequest, dead_letters: "QuerySet[DeadLetter]") -> HttpResponse:
        """Ask for confirmation to replay."""
        return self._ask(request, "replay", dead_letters)

    @admin.action(description="Discard the selected dead letters", permissions=["discard"])
    def discard(self, request: HttpRequest, dead_letters: "QuerySet[DeadLetter]") -> HttpResponse:
        """Ask for confirmation to discard."""
        return self._ask(request, "discard", dead_letters)

    def _ask(
        self, request: HttpRequest, decision: str, dead_letters: "QuerySet[DeadLetter]"
    ) -> HttpResponseRedirect:
        """Redirect to the confirmation page, for the ticked dead letters or for all that match."""
        ticked = ",".join(str(pk) for pk in dead_letters.values_list("pk", flat=True))
        all_match = request.POST.get("select_across") == "1"
        query = request.GET.urlencode() if all_match else f"id__in={ticked}"
        return redirect(f"{reverse(f'admin:ingest_deadletter_{decision}')}?{query}")

    def decide(self, request: HttpRequest, decision: str) -> HttpResponse:
        """Show how many dead letters match the query. On POST, replay or discard them."""
        if not getattr(self, f"has_{decision}_permission")(request):
            raise PermissionDenied
        seen_at = _seen_at(request)
        try:
            matching = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            self.message_user(request, "This filter is not valid.", messages.ERROR)
            return redirect(LIST)
        # Leave out dead letters that came after the operator saw the number.
        dead_letters = DeadLetter.objects.filter(pk__in=matching.values("pk"), last_at__lte=seen_at)
        if request.method == "POST":
            self._execute(request, decision, dead_letters)
            return redirect(LIST)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{decision.capitalize()} dead letters",
            "opts": self.opts,
            "decision": decision,
            "count": dead_letters.count(),
            "first": dead_letters[:SAMPLE_SIZE],
            "sample_size": SAMPLE_SIZE,
            "seen_at": seen_at.isoformat(),
        }
        return render(request, "admin/ingest/deadletter/confirm.html", context)

    def _execute(
        self, request: HttpRequest, decision: str, dead_letters: "QuerySet[DeadLetter]"
    ) -> None:
        """Replay or discard dead letters, and report the outcome."""
        if decision == "discard":
            self.message_user(request, f"{discard(dead_letters, by=actor_of(request))} discarded.")
            return
        if dead_letters.count() > CHUNK_SIZE:  # a request must not take minutes
            run = start(dead_letters, by=actor_of(request))
            url = reverse("admin:ingest_deadletterreplay_changelist")
            text = format_html('A worker replays {}: <a href="{}">progress</a>.', run.total, url)
            self.message_user(request, text, messages.ERROR if run.problem else messages.SUCCESS)
            return
        outcome = replay(dead_letters, by=actor_of(request))
        level = messages.ERROR if outcome.problem else messages.SUCCESS
        self.message_user(request, f"{outcome}.", level)


@admin.register(DeadLetterReplay)
class DeadLetterReplayAdmin(ListAdmin, ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Follow the replays of many dead letters."""

    list_display = (
        *("started_at", "actor", "total", "replayed", "unreadable", "without_model"),
        *("ended_at", "problem"),
    )
    fields = (*list_display, "via")
    list_display_links = None
    actions = ("cancel",)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may cancel, as it may replay."""
        return request.user.has_perm("ingest.replay_deadletter")

    @admin.action(description="Cancel the selected replays", permissions=["cancel"])
    def cancel(self, request: HttpRequest, runs: "QuerySet[DeadLetterReplay]") -> None:
        """Cancel replays after the step they are at."""
        number = cancel(runs, by=actor_of(request))
        self.message_user(request, f"{number} cancelled. Their other dead letters were kept.")


def _seen_at(request: HttpRequest) -> datetime:
    return parse_datetime(request.POST.get("seen_at", "")) or timezone.now()
