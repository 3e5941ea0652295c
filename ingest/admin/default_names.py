"""The default names in the admin: the sets that can be switched, and what is in each."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ingest.admin.audit import AuditedAdmin
from ingest.admin.lists import ListAdmin
from ingest.core.default_names import default_sets
from ingest.models import DefaultNameSet
from ingest.operations import alias_backfill, rule_versions


@admin.register(DefaultNameSet)
class DefaultNameSetAdmin(ListAdmin, AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """
    Switch the sets of default names.

    An alias takes precedence over a default name, so that one line can be changed.
    """

    list_display = ("title", "is_on")
    readonly_fields = ("title", "contents")

    @admin.display(description="what is in it")
    def contents(self, row: DefaultNameSet) -> SafeString:
        """Show the lines of a set."""
        lines = next((own.lines for own in default_sets() if own.name == row.name), ())
        shown = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
        return format_html("<ul>{}</ul><p>An alias for a name changes its line.</p>", shown)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: DefaultNameSet, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        rule_versions.bump_version()
        transaction.on_commit(lambda: self._start_backfill(request))

    def _start_backfill(self, request: HttpRequest) -> None:
        self.message_user(request, f"Alias backfill of saved posts: {alias_backfill.start()}")
