"""API keys in the admin: make, limit, rotate and revoke them. A secret is shown once."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from ingest.admin.audit import AuditedAdmin, actor_of
from ingest.admin.lists import ListAdmin
from ingest.models import ApiKey, Scope
from ingest.models.api_keys import OVERLAP_HOURS
from ingest.operations import audit


class LinesField(forms.CharField):
    """A list of texts, one per line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [
            line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()
        ]


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a key, with its scopes and publications."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, initial=[Scope.SUBMIT.value])
    publications = LinesField(
        required=False,
        help_text="The key may read, submit to and delete from these publications only. "
        "Write one per line. Empty means all publications.",
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ListAdmin, AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Make, limit and revoke keys. A key cannot be deleted, and a revoked key stays revoked."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "state", "scopes", "created_at", "last_used_at", "expires_at")
    search_fields = ("name", "prefix")
    readonly_fields = ("prefix", "created_at", "last_used_at", "revoked_at", "previous_until")
    actions = ("rotate", "revoke")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        editable = ["name", "scopes", "publications", "requests_per_minute", "bulk", "expires_at"]
        return editable + list(self.readonly_fields if obj else ())

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if not change:
            # Only the response shows the secret. It is stored in no row, message or cookie.
            obj.secret = obj.give_secret()  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._show_secret(request, obj)

    def _show_secret(self, request: HttpRequest, key: ApiKey) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"API key {key.name}",
            "key": key,
            "opts": self.opts,
        }
        return render(request, "admin/ingest/apikey/created.html", context)

    @admin.action(description="Rotate the selected key", permissions=["change"])
    def rotate(self, request: HttpRequest, keys: "QuerySet[ApiKey]") -> HttpResponse | None:
        """Give one key a new secret. The old one works for a day."""
        key = keys.filter(revoked_at=None).first() if keys.count() == 1 else None
        if key is None:
            self.message_user(request, "Select one key that is not revoked.", messages.ERROR)
            return None
        key.secret = key.rotate(overlap=timedelta(hours=OVERLAP_HOURS))  # type: ignore[attr-defined]
        key.save()
        audit.record(actor_of(request), audit.Action.ROTATE, f"API key {key}")
        return self._show_secret(request, key)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, keys: "QuerySet[ApiKey]") -> None:
        """Revoke keys. Every process refuses them within five seconds."""
        valid = list(keys.filter(revoked_at=None))
        keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        entries = [(f"API key {key}", "") for key in valid]
        audit.record_all(actor_of(request), audit.Action.REVOKE, entries)
        self.message_user(request, f"{len(valid)} revoked. They are refused within 5 seconds.")
