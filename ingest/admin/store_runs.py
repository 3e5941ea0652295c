"""Runs over saved posts in the admin: start to delete, rename or merge a publication, and watch."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from ingest.admin.audit import ReadOnlyAdmin, actor_of
from ingest.admin.lists import ListAdmin
from ingest.models import StoreRun
from ingest.operations.store_runs import delete_publication, move_publication
from ingest.store import open_store

STARTED_HERE = (StoreRun.Kind.DELETE, StoreRun.Kind.MOVE)


class StoreRunForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form that starts a run: what is done, and the names of the publications."""

    kind = forms.ChoiceField(choices=[(kind.value, kind.label) for kind in STARTED_HERE])
    publication = forms.CharField(help_text="The publication, by its name.")
    target = forms.CharField(
        required=False,
        help_text="To move: the new name, or the publication that it is merged with.",
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a publication that is not there, and a move without a target."""
        data = super().clean() or {}
        if data.get("publication") and open_store().publication(data["publication"]) is None:
            self.add_error("publication", "There is no publication of this name.")
        if (data.get("kind") == StoreRun.Kind.MOVE) != bool(data.get("target")):
            self.add_error("target", "A move needs a target, and a deletion has none.")
        return data


@admin.register(StoreRun)
class StoreRunAdmin(ListAdmin, ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Start and watch runs over saved posts. `manage.py forget` starts those that forget."""

    form = StoreRunForm
    list_display = ("started_at", "kind", "publication", "target", "day", "progress", "ended_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ingest.start_storerun")

    def get_fields(self, request: HttpRequest, obj: StoreRun | None = None) -> list[Any]:
        own = ["kind", "publication", "target"]
        return [*own, "day", "actor", "progress", "started_at", "ended_at"] if obj else own

    def save_model(self, request: HttpRequest, obj: StoreRun, form: Any, change: bool) -> None:
        by = actor_of(request)
        if obj.kind == StoreRun.Kind.DELETE:
            run = delete_publication(obj.publication, by=by)
        else:
            run = move_publication(obj.publication, obj.target, by=by)
        obj.pk = run.pk
