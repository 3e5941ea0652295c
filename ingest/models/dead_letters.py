"""Posts that could not be processed, and how often processes died on one."""

import json
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime


class Payload(models.JSONField):
    """
    Whatever was in a message, as text that is JSON in ASCII.

    PostgreSQL's own JSON has no place for a NUL, half a surrogate or not-a-number, and what is
    unreadable may hold any of them.
    """

    def get_internal_type(self) -> str:
        return "TextField"

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_db_prep_value(self, value: Any, *_: Any, **__: Any) -> str:
        return json.dumps(value)


class Step(models.TextChoices):
    """Where on its way a post was."""

    EXTRACT = "extract", "extract"
    SAVE = "save", "save"


class DeadLetter(models.Model):
    """A post that could not be processed, with all that a person needs to judge and replay it."""

    class Reason(models.TextChoices):
        FAILED = "failed", "raised an exception"
        TIMEOUT = "timeout", "ran over its time limit"
        KILLED = "killed", "ended the process that worked on it"
        REFUSED = "refused", "refused by the store"
        UNREADABLE = "unreadable", "not a message of ours"
        LANGUAGE = "language", "in a language without a model"

    post_id = models.CharField(max_length=64)
    publication = models.CharField(max_length=200)
    step = models.CharField(max_length=20, choices=Step.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    detail = models.TextField()
    trace = models.TextField(blank=True)
    attempts = models.PositiveIntegerField()
    payload = Payload()
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("post_id", "step"), name="one_dead_letter_per_post"),
        )
        ordering = ("-last_at",)
        default_permissions = ("view",)
        permissions = (
            ("replay_deadletter", "Can replay dead letters"),
            ("discard_deadletter", "Can discard dead letters"),
        )

    def __str__(self) -> str:
        return f"{self.post_id}: {self.reason} at {self.step}"

    @property
    def accepted_at(self) -> datetime | None:
        """When the revision that died was accepted; None for what is no post."""
        return parse_datetime(str(self.payload.get("accepted_at")))

    @property
    def content(self) -> str:
        """The text of the post."""
        payload: dict[str, Any] = self.payload
        return str(payload.get("content", ""))


class CrashCount(models.Model):
    """How often a post that was delivered again was begun: a process that dies cannot count."""

    post_id = models.CharField(max_length=64)
    step = models.CharField(max_length=20, choices=Step.choices)
    starts = models.PositiveIntegerField(default=0)
    process = models.CharField(max_length=300, default="")  # which began it last
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("post_id", "step"), name="one_crash_count_per_post"),
        )

    def __str__(self) -> str:
        return f"{self.post_id}: started {self.starts} times at {self.step}"
