"""The audit log in the admin: it can be read, and it records every change made here."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from ingest.admin.lists import ListAdmin
from ingest.models import AuditEntry
from ingest.operations import audit


def actor_of(request: HttpRequest) -> audit.Actor:
    """Return the account of a request as an actor."""
    return audit.Actor(request.user.get_username(), audit.Via.ADMIN)


class AuditedAdmin:
    """A ModelAdmin mixin that records changes in the audit log, besides Django's history."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        audit.record(actor_of(request), audit.Action.ADD, _target(obj))
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        audit.record(
            actor_of(request), audit.Action.CHANGE, _target(obj), detail=_changed_fields(message)
        )
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> Any:
        entries = [(_target(obj), "") for obj in queryset]
        audit.record_all(actor_of(request), audit.Action.DELETE, entries)
        return super().log_deletions(request, queryset)  # type: ignore[misc]


def _target(obj: Model) -> str:
    return f"{obj._meta.verbose_name} {obj}"


def _changed_fields(message: Any) -> str:
    """Return the names of the changed fields, not their values, which may be secret."""
    if isinstance(message, str):
        return message
    fields = [name for part in message for name in part.get("changed", {}).get("fields", ())]
    return ", ".join(fields)


class ReadOnlyAdmin:
    """A ModelAdmin mixin that shows rows and cannot change them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ListAdmin, ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read the audit log. Not even a superuser can change it here."""

    list_display = ("at", "actor", "action", "target", "detail", "via")
    list_filter = ("action", "via", "actor")
    search_fields = ("target", "actor", "detail")
    date_hierarchy = "at"
