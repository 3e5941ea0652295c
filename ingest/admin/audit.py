"""The audit trail in the admin: what is done here is written into it, and it can be read."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from ingest.models import AuditEntry
from ingest.operations import audit


def actor_of(request: HttpRequest) -> audit.Actor:
    """Return who uses the admin."""
    return audit.Actor(request.user.get_username(), audit.Via.ADMIN)


class AuditedAdmin:
    """A model's admin whose changes are in the trail, beside Django's own history of each row."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        audit.record(actor_of(request), audit.Action.ADD, _named(obj))
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        audit.record(actor_of(request), audit.Action.CHANGE, _named(obj), detail=_told(message))
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> Any:
        names = [(_named(obj), "") for obj in queryset]
        audit.record_all(actor_of(request), audit.Action.DELETE, names)
        return super().log_deletions(request, queryset)  # type: ignore[misc]


def _named(obj: Model) -> str:
    return f"{obj._meta.verbose_name} {obj}"


def _told(message: Any) -> str:
    """Say which fields were changed; their values may be secrets."""
    if isinstance(message, str):
        return message
    fields = [name for part in message for name in part.get("changed", {}).get("fields", ())]
    return ", ".join(fields)


class ReadOnlyAdmin:
    """A model's admin that shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read who did what; not even a superuser changes it here."""

    list_display = ("at", "actor", "action", "target", "detail", "via")
    list_filter = ("action", "via", "actor")
    search_fields = ("target", "actor", "detail")
    date_hierarchy = "at"
