"""Groups of publications in the admin."""

from django import forms
from django.contrib import admin

from ingest.admin.api_keys import LinesField
from ingest.admin.audit import AuditedAdmin
from ingest.admin.lists import ListAdmin
from ingest.models import PublicationGroup


class PublicationGroupForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a group, with a publication a line."""

    publications = LinesField(help_text="The names of its publications. Write one per line.")


@admin.register(PublicationGroup)
class PublicationGroupAdmin(ListAdmin, AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Keep publications as a group, which the page Compare shows as one."""

    form = PublicationGroupForm
    list_display = ("name", "slug", "size", "changed_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}

    @admin.display(description="publications")
    def size(self, group: PublicationGroup) -> int:
        """Return how many publications a group has."""
        return len(group.publications)
