"""Runs that change or forget saved posts, and the publications that were moved."""

from django.db import models
from django.utils import timezone

from ingest.core.posts import MAX_NAME_CHARACTERS


class StoreRun(models.Model):
    """A run over saved posts: workers take its steps, and it shows how far it is."""

    class Kind(models.TextChoices):
        FORGET_TEXTS = "texts", "forget texts"
        FORGET_POSTS = "posts", "forget posts"
        DELETE = "delete", "delete a publication"
        MOVE = "move", "move a publication"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    publication = models.CharField(max_length=MAX_NAME_CHARACTERS, blank=True)
    target = models.CharField(max_length=MAX_NAME_CHARACTERS, blank=True)
    # Posts that were accepted before this day, in ISO form, are forgotten.
    day = models.CharField(max_length=10, blank=True)
    actor = models.CharField(max_length=200)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    done = models.PositiveIntegerField(default=0)
    # The next step starts after this post.
    post_done = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        verbose_name = "run over saved posts"
        verbose_name_plural = "runs over saved posts"
        ordering = ("-started_at",)
        default_permissions = ("view",)
        permissions = (("start_storerun", "Can delete, rename and merge publications"),)

    def __str__(self) -> str:
        what = f"before {self.day}" if self.day else self.publication
        to = f" to {self.target}" if self.target else ""
        return f"{self.get_kind_display()}, {what}{to}: {self.progress}"

    @property
    def progress(self) -> str:
        """The progress in words."""
        if self.problem:
            return self.problem
        return f"{self.done} posts{', done' if self.ended_at else ''}"


class PublicationMove(models.Model):
    """A publication whose posts count under another name, also those that still come."""

    key = models.CharField(max_length=MAX_NAME_CHARACTERS * 3, unique=True)
    target = models.CharField(max_length=MAX_NAME_CHARACTERS)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key}: {self.target}"
