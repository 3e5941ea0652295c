"""Groups of publications, which are compared as one."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from ingest.core.posts import publication_key

MAX_SIZE = 20  # publications


class PublicationGroup(models.Model):
    """Publications under a name and an address, by which people share their comparison."""

    slug = models.SlugField(
        "address", max_length=60, unique=True, help_text="Its part of an address: ~nordic."
    )
    name = models.CharField(max_length=100, unique=True)
    publications = models.JSONField(default=list)
    changed_at = models.DateTimeField(auto_now=True)
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "group of publications"
        verbose_name_plural = "groups of publications"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a group that is empty, or larger than a comparison can be."""
        names = {publication_key(name): name for name in self.publications}
        self.publications = list(names.values())
        if not 1 <= len(names) <= MAX_SIZE:
            raise ValidationError({"publications": f"Name 1 to {MAX_SIZE} publications."})
