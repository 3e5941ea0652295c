"""Dead letters: read, filtered, and replayed or discarded, one, many or all that match."""

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
from ingest.models import DeadLetter
from ingest.operations.replay import discard, replay

# What becomes of a letter, and the permission that it takes.
DECISIONS = ("replay", "discard")
LIST = "admin:ingest_deadletter_changelist"


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read what could not be processed and why, and decide what becomes of it."""

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
    def problem(self, letter: DeadLetter) -> str:
        """Begin to say what was wrong."""
        return letter.detail[:80]

    @admin.display(description="Trace")
    def stack(self, letter: DeadLetter) -> SafeString | str:
        """Show where in the code it happened, line by line."""
        return format_html('<pre class="trace">{}</pre>', letter.trace) if letter.trace else "-"

    @admin.display()
    def title(self, letter: DeadLetter) -> str:
        """Show the post's title."""
        return str(letter.payload.get("title") or "-")

    @admin.display(description="URL")
    def url(self, letter: DeadLetter) -> str:
        """Show the post's address as text: whoever sent it may have written anything there."""
        return str(letter.payload.get("url") or "-")

    @admin.display(description="Post")
    def text(self, letter: DeadLetter) -> SafeString:
        """Show the post, or what came in the place of a message."""
        text = letter.content or json.dumps(letter.payload, indent=2, ensure_ascii=False)
        return format_html('<div class="post">{}</div>', text)

    @admin.display()
    def entities(self, letter: DeadLetter) -> str:
        """Show what was found in the post, if it came so far."""
        found = letter.payload.get("entities") or ()
        return ", ".join(f"{text} ({label}, {count})" for _, label, text, count in found) or "-"

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Return whether somebody may replay."""
        return request.user.has_perm("ingest.replay_deadletter")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Return whether somebody may discard."""
        return request.user.has_perm("ingest.discard_deadletter")

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(self.decide)
        own = [
            path(f"{what}/", decide, {"what": what}, name=f"ingest_deadletter_{what}")
            for what in DECISIONS
        ]
        return own + super().get_urls()

    @admin.action(description="Replay the selected dead letters", permissions=["replay"])
    def replay(self, request: HttpRequest, letters: "QuerySet[DeadLetter]") -> HttpResponse:
        """Ask whether to replay."""
        return self._ask(request, "replay", letters)

    @admin.action(description="Discard the selected dead letters", permissions=["discard"])
    def discard(self, request: HttpRequest, letters: "QuerySet[DeadLetter]") -> HttpResponse:
        """Ask whether to discard."""
        return self._ask(request, "discard", letters)

    def _ask(
        self, request: HttpRequest, what: str, letters: "QuerySet[DeadLetter]"
    ) -> HttpResponseRedirect:
        """Lead to the page that asks: for those that were ticked, or for all that match."""
        chosen = ",".join(str(pk) for pk in letters.values_list("pk", flat=True))
        every = request.POST.get("select_across") == "1"
        query = request.GET.urlencode() if every else f"id__in={chosen}"
        return redirect(f"{reverse(f'admin:ingest_deadletter_{what}')}?{query}")

    def decide(self, request: HttpRequest, what: str) -> HttpResponse:
        """Ask before letters that match the query are replayed or discarded, then do it."""
        if not getattr(self, f"has_{what}_permission")(request):
            raise PermissionDenied
        seen_at = _seen_at(request)
        try:
            matching = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            self.message_user(request, "That cannot be asked for.", messages.ERROR)
            return redirect(LIST)
        # What has come since a person saw how many there are is not theirs to decide on.
        letters = DeadLetter.objects.filter(pk__in=matching.values("pk"), last_at__lte=seen_at)
        if request.method == "POST":
            self._say(request, what, letters)
            return redirect(LIST)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{what.capitalize()} dead letters",
            "opts": self.opts,
            "what": what,
            "count": letters.count(),
            "first": letters[:10],
            "seen_at": seen_at.isoformat(),
        }
        return render(request, "admin/ingest/deadletter/confirm.html", context)

    def _say(self, request: HttpRequest, what: str, letters: "QuerySet[DeadLetter]") -> None:
        """Do what was decided, and say what happened."""
        if what == "discard":
            self.message_user(request, f"{discard(letters, by=actor_of(request))} discarded.")
            return
        outcome = replay(letters, by=actor_of(request))
        level = messages.ERROR if outcome.problem else messages.SUCCESS
        self.message_user(request, f"{outcome}.", level)


def _seen_at(request: HttpRequest) -> datetime:
    return parse_datetime(request.POST.get("seen_at", "")) or timezone.now()
