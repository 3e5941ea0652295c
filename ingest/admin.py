"""The Django admin: keys and dead letters."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ingest.models import ApiKey, DeadLetter, Scope


class Lines(forms.CharField):
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
    publications = Lines(
        required=False, help_text="Whose posts it may submit and delete, one a line; none: all."
    )


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Make keys, each shown once, limit them, and revoke them."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "last_used_at", "revoked_at")
    readonly_fields = ("prefix", "created_at", "last_used_at")
    fields = ("name", "scopes", "publications", "requests_per_minute", "revoked_at")
    actions = ("revoke",)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        secret = None if change else obj.give_secret()
        super().save_model(request, obj, form, change)
        if secret:
            words = f"API key {obj.name!r}, shown this once: {secret}"
            self.message_user(request, words, messages.WARNING)

    @admin.action(description="Revoke these keys")
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """Refuse keys from now on; every process knows within five seconds."""
        count = keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{count} revoked.")


@admin.register(DeadLetter)
class DeadLetterAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read what could not be processed, and why."""

    list_display = ("post_id", "publication", "step", "reason", "attempts", "last_at")
    list_filter = ("reason", "step")
    search_fields = ("post_id", "publication")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DeadLetter | None = None) -> bool:
        return False
