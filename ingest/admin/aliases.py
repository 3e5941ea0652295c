"""Aliases and alias backfills in the admin."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest.admin.audit import AuditedAdmin, ReadOnlyAdmin, actor_of
from ingest.admin.lists import ListAdmin
from ingest.core.entity_names import common_label
from ingest.core.kind_names import kind_choices, kind_name
from ingest.models import Alias, AliasBackfill
from ingest.operations import alias_backfill, corrections, rule_versions
from ingest.store.base import StoreUnavailable


def _kinds() -> list[tuple[str, str]]:
    return kind_choices(map(common_label, settings.LABELS))


class AliasForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of an alias, in the words of the pages; it refuses what can do nothing."""

    label = forms.ChoiceField(label="Kind", choices=_kinds, initial="PERSON")
    becomes_label = forms.ChoiceField(
        label="Becomes kind",
        choices=lambda: [("", "the same kind"), *_kinds()],
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        """Refuse an alias of a name that nobody mentions, or of an unknown publication."""
        values: dict[str, Any] = super().clean() or {}
        if self.errors or not self.changed_data:
            return values
        names = ("publication", "label", "name", "becomes", "becomes_label")
        try:
            corrections.refuse_useless(Alias(**{name: values.get(name, "") for name in names}))
        except StoreUnavailable as error:
            raise ValidationError("The store does not answer. Save the alias again.") from error
        return values


@admin.register(Alias)
class AliasAdmin(ListAdmin, AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """
    Merge, split, rename and hide entities, and accept or reject proposed aliases.

    New posts use a change within seconds. An alias backfill applies it to saved posts.
    """

    form = AliasForm
    list_display = ("name", "kind", "becomes", "becomes_kind", "publication", "state", "evidence")
    list_filter = ("state", "family", "publication")
    search_fields = ("name", "becomes", "publication")
    readonly_fields = ("likeness", "evidence", "changed_at")
    actions = ("accept", "reject")

    @admin.display(ordering="label")
    def kind(self, alias: Alias) -> str:
        """Show the kind of the name in the words of the pages."""
        return kind_name(alias.label)

    @admin.display(ordering="becomes_label")
    def becomes_kind(self, alias: Alias) -> str:
        """Show the kind that the name gets."""
        return kind_name(alias.becomes_label)

    def save_model(self, request: HttpRequest, obj: Alias, form: Any, change: bool) -> None:
        before = Alias.objects.get(pk=obj.pk).publication if change else obj.publication
        super().save_model(request, obj, form, change)
        self._start_backfill(request, before, obj.publication)

    def delete_model(self, request: HttpRequest, obj: Alias) -> None:
        super().delete_model(request, obj)
        self._start_backfill(request, obj.publication)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Alias]") -> None:
        publications = _publications(queryset)
        super().delete_queryset(request, queryset)
        self._start_backfill(request, *publications)

    @admin.action(description="Accept the selected aliases", permissions=["change"])
    def accept(self, request: HttpRequest, queryset: "QuerySet[Alias]") -> None:
        """Accept aliases, except those that would form a cycle."""
        self._set_state(request, queryset, Alias.State.ACCEPTED)

    @admin.action(description="Reject the selected aliases", permissions=["change"])
    def reject(self, request: HttpRequest, queryset: "QuerySet[Alias]") -> None:
        """Reject aliases. Accepted ones no longer apply, and none is proposed again."""
        self._set_state(request, queryset, Alias.State.REJECTED)

    def _set_state(self, request: HttpRequest, queryset: "QuerySet[Alias]", state: str) -> None:
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
        self._start_backfill(request, *publications)

    def _start_backfill(self, request: HttpRequest, *publications: str) -> None:
        """Start a backfill of saved posts when the change is committed."""
        rule_versions.bump_version()

        def start() -> None:
            for publication in {""} if "" in publications else sorted(set(publications)):
                backfill = alias_backfill.start(publication)
                level = messages.ERROR if backfill.problem else messages.INFO
                self.message_user(request, f"Alias backfill of saved posts: {backfill}", level)

        transaction.on_commit(start)


def _publications(aliases: "QuerySet[Alias]") -> list[str]:
    return list(aliases.order_by().values_list("publication", flat=True).distinct())


@admin.register(AliasBackfill)
class AliasBackfillAdmin(ListAdmin, ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Watch the backfills that apply the newest aliases to saved posts."""

    list_display = ("started_at", "publication", "progress", "ended_at")
    actions = ("cancel",)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may cancel: who may change an alias starts backfills."""
        return request.user.has_perm("ingest.change_alias")

    @admin.action(description="Cancel the selected backfills", permissions=["cancel"])
    def cancel(self, request: HttpRequest, backfills: "QuerySet[AliasBackfill]") -> None:
        """Cancel backfills after the step they are at."""
        number = alias_backfill.cancel(backfills, by=actor_of(request))
        self.message_user(request, f"{number} cancelled. Posts that were seen stay changed.")
