"""The Django admin: keys and dead letters."""

from django.contrib import admin
from django.http import HttpRequest

from ingest.models import ApiKey, DeadLetter


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Look at keys and revoke them; one is made by `manage.py api_key`, which can show it."""

    list_display = ("name", "prefix", "scopes", "created_at", "revoked_at")
    readonly_fields = ("name", "prefix", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


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
