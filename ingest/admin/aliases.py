"""Aliases, and the runs that apply them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest.admin.audit import AuditedAdmin, ReadOnlyAdmin
from ingest.models import Alias, AliasBackfill
from ingest.operations import alias_backfill, rule_versions


@admin.register(Alias)
class AliasAdmin(AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """
    Merge, split, rename and hide entities, and judge what `suggest_aliases` proposes.

    Every change is counted: what comes, within seconds, and what is saved, by a run.
    """

    list_display = ("name", "label", "becomes", "becomes_label", "publication", "state", "likeness")
    list_filter = ("state", "family", "publication")
    search_fields = ("name", "becomes", "publication")
    readonly_fields = ("likeness", "changed_at")
    actions = ("accept", "reject")

    def save_model(self, request: HttpRequest, obj: Alias, form: Any, change: bool) -> None:
        before = Alias.objects.get(pk=obj.pk).publication if change else obj.publication
        super().save_model(request, obj, form, change)
        self._count(request, before, obj.publication)

    def delete_model(self, request: HttpRequest, obj: Alias) -> None:
        super().delete_model(request, obj)
        self._count(request, obj.publication)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Alias]") -> None:
        publications = _publications(queryset)
        super().delete_queryset(request, queryset)
        self._count(request, *publications)

    @admin.action(description="Accept the selected aliases", permissions=["change"])
    def accept(self, request: HttpRequest, queryset: "QuerySet[Alias]") -> None:
        """Apply proposals, but for those that would close a circle."""
        self._judge(request, queryset, Alias.State.ACCEPTED)

    @admin.action(description="Reject the selected aliases", permissions=["change"])
    def reject(self, request: HttpRequest, queryset: "QuerySet[Alias]") -> None:
        """Keep proposals from being made again, and take back what was accepted."""
        self._judge(request, queryset, Alias.State.REJECTED)

    def _judge(self, request: HttpRequest, queryset: "QuerySet[Alias]", state: str) -> None:
        publications = _publications(queryset)
        for alias in queryset:
            alias.state = state
            try:
                alias.clean()
            except ValidationError as error:
                self.message_user(request, f"{alias}: {error.messages[0]}", messages.ERROR)
            else:
                alias.save()
                self.log_change(request, alias, f"{state}")
        self._count(request, *publications)

    def _count(self, request: HttpRequest, *publications: str) -> None:
        """Let the change be counted, as soon as it is in the database."""
        rule_versions.bump_version()

        def start() -> None:
            for publication in {""} if "" in publications else sorted(set(publications)):
                run = alias_backfill.start(publication)
                level = messages.ERROR if run.problem else messages.INFO
                self.message_user(request, f"Saved posts are counted again: {run}", level)

        transaction.on_commit(start)


def _publications(aliases: "QuerySet[Alias]") -> list[str]:
    return list(aliases.order_by().values_list("publication", flat=True).distinct())


@admin.register(AliasBackfill)
class AliasBackfillAdmin(ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Watch the runs that bring saved posts under the newest aliases."""

    list_display = ("started_at", "publication", "progress", "ended_at")
