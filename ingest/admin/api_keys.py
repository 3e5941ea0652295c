"""API keys: made, shown once, limited, and revoked."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from ingest.admin.audit import AuditedAdmin, actor_of
from ingest.models import ApiKey, Scope
from ingest.operations import audit


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [
            line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()
        ]


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key, with its lists in a form that a person can fill in."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, initial=list(Scope.values))
    publications = LinesField(
        required=False, help_text="Whose posts it may submit and delete, one a line; none: all."
    )


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Make keys, each shown once, limit them, and revoke them; none is deleted or let in again."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "last_used_at", "revoked_at")
    search_fields = ("name", "prefix")
    readonly_fields = ("prefix", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        chosen = ["name", "scopes", "publications", "requests_per_minute"]
        return chosen + list(self.readonly_fields if obj else ())

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if not change:
            # Only the answer to this request ever holds it: no row, and no cookie of a message.
            obj.secret = obj.give_secret()  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"API key {obj.name}",
            "key": obj,
            "opts": self.opts,
        }
        return render(request, "admin/ingest/apikey/created.html", context)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, keys: "QuerySet[ApiKey]") -> None:
        """Refuse keys from now on; every process knows within five seconds."""
        valid = list(keys.filter(revoked_at=None))
        keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        told = [(f"API key {key}", "") for key in valid]
        audit.record_all(actor_of(request), audit.Action.REVOKE, told)
        self.message_user(request, f"{len(valid)} revoked; every process knows within 5 seconds.")
