"""Patterns in the admin: texts that are entities regardless of the model."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from ingest.admin.audit import AuditedAdmin, ReadOnlyAdmin
from ingest.admin.lists import ListAdmin
from ingest.models import Pattern, PatternSet
from ingest.models.curation import MAX_PATTERN_CHARACTERS, labels_of_patterns
from ingest.operations import rule_versions
from ingest.process.installation import PROGRAM


class PatternForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a pattern, with the labels it may have."""

    label = forms.ChoiceField(
        choices=lambda: [(label, label) for label in labels_of_patterns()],
        help_text="A counted label, or a family of labels.",
    )
    pattern = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        max_length=MAX_PATTERN_CHARACTERS,
        help_text=Pattern._meta.get_field("pattern").help_text,
    )


@admin.register(Pattern)
class PatternAdmin(ListAdmin, AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Add, change and delete patterns. Every change makes a new version of the pattern set."""

    form = PatternForm
    list_display = ("pattern", "label", "changed_at")
    list_filter = ("label",)
    search_fields = ("pattern",)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pattern, label = (request.POST.get(name, "") for name in ("pattern", "label"))
        may_save = self.has_add_permission(request) or self.has_change_permission(request)
        if may_save and 0 < len(pattern) <= MAX_PATTERN_CHARACTERS:
            # The check takes seconds. Here it runs before the transaction, which blocks writers.
            Pattern(label=label, pattern=pattern).problem()
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Pattern, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._save_version(request)

    def delete_model(self, request: HttpRequest, obj: Pattern) -> None:
        super().delete_model(request, obj)
        self._save_version(request)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Pattern]") -> None:
        super().delete_queryset(request, queryset)
        self._save_version(request)

    def _save_version(self, request: HttpRequest) -> None:
        rule_versions.save_pattern_set()
        self.message_user(
            request,
            f"New posts use this within {rule_versions.REFRESH_SECONDS} seconds. "
            f"Saved posts use it after `{PROGRAM} reprocess`.",
        )


@admin.register(PatternSet)
class PatternSetAdmin(ListAdmin, ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Look up the patterns of a version that a saved post names."""

    list_display = ("pk", "made_at", "__str__")
