"""The Django admin: keys, dead letters, aliases, the runs that apply them, and patterns."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from ingest import rulebook, runs
from ingest.models import (
    PATTERN_LIMIT,
    Alias,
    ApiKey,
    DeadLetter,
    Pattern,
    PatternSet,
    Run,
    Scope,
    labels_of_patterns,
)


class LookedAt(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that are read here, and written elsewhere."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
class DeadLetterAdmin(LookedAt):
    """Read what could not be processed, and why."""

    list_display = ("post_id", "publication", "step", "reason", "attempts", "last_at")
    list_filter = ("reason", "step")
    search_fields = ("post_id", "publication")


@admin.register(Alias)
class AliasAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
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

    @admin.action(description="Accept the selected aliases")
    def accept(self, request: HttpRequest, queryset: "QuerySet[Alias]") -> None:
        """Apply proposals, but for those that would close a circle."""
        self._judge(request, queryset, Alias.State.ACCEPTED)

    @admin.action(description="Reject the selected aliases")
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
        self._count(request, *publications)

    def _count(self, request: HttpRequest, *publications: str) -> None:
        """Let the change be counted, as soon as it is in the database."""
        rulebook.note_change()

        def start() -> None:
            for publication in {""} if "" in publications else sorted(set(publications)):
                run = runs.start(publication)
                level = messages.ERROR if run.problem else messages.INFO
                self.message_user(request, f"Saved posts are counted again: {run}", level)

        transaction.on_commit(start)


def _publications(aliases: "QuerySet[Alias]") -> list[str]:
    return list(aliases.order_by().values_list("publication", flat=True).distinct())


@admin.register(Run)
class RunAdmin(LookedAt):
    """Watch the runs that bring saved posts under the newest aliases."""

    list_display = ("started_at", "publication", "progress", "ended_at")


class PatternForm(forms.ModelForm):  # type: ignore[type-arg]
    """A pattern, with the labels that it can give."""

    label = forms.ChoiceField(
        choices=lambda: [(label, label) for label in labels_of_patterns()],
        help_text="A label that is counted, or a family of labels.",
    )
    pattern = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        max_length=PATTERN_LIMIT,
        help_text=Pattern._meta.get_field("pattern").help_text,
    )


@admin.register(Pattern)
class PatternAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Say what is an entity whatever a model says; every change makes a version."""

    form = PatternForm
    list_display = ("pattern", "label", "changed_at")
    list_filter = ("label",)
    search_fields = ("pattern",)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pattern, label = (request.POST.get(name, "") for name in ("pattern", "label"))
        if 0 < len(pattern) <= PATTERN_LIMIT:
            # It takes seconds, and in the transaction that begins now nobody else could write.
            Pattern(label=label, pattern=pattern).problem()
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Pattern, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._note(request)

    def delete_model(self, request: HttpRequest, obj: Pattern) -> None:
        super().delete_model(request, obj)
        self._note(request)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Pattern]") -> None:
        super().delete_queryset(request, queryset)
        self._note(request)

    def _note(self, request: HttpRequest) -> None:
        rulebook.note_patterns()
        self.message_user(
            request,
            f"What comes is worked on so within {rulebook.LASTS} seconds; what is saved, after "
            "manage.py reprocess.",
        )


@admin.register(PatternSet)
class PatternSetAdmin(LookedAt):
    """Look up what was looked for in a post that names a version of the patterns."""

    list_display = ("pk", "made_at", "__str__")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
