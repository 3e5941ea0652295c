"""Dead letters, and the crash counts of posts."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime


class Payload(models.JSONField):
    """
    The payload of a message, as text: JSON in ASCII.

    An unreadable message may contain a NUL, a lone surrogate or not-a-number. PostgreSQL's own
    JSON type accepts none of them.
    """

    def get_internal_type(self) -> str:
        return "TextField"

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_db_prep_value(self, value: Any, *_: Any, **__: Any) -> str:
        return json.dumps(value)


class Step(models.TextChoices):
    """A step in the way of a post."""

    EXTRACT = "extract", "extract"
    SAVE = "save", "save"


class DeadLetterReplay(models.Model):
    """A replay of many dead letters: who asked for it, how far it is, and what ended it early."""

    actor = models.CharField(max_length=200)
    via = models.CharField(max_length=20)
    total = models.PositiveIntegerField()
    replayed = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    without_model = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "replay of dead letters"
        verbose_name_plural = "replays of dead letters"
        ordering = ("-started_at",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"replay {self.pk} by {self.actor}"


class DeadLetter(models.Model):
    """A post that the workers could not process, with the reason and all that replay needs."""

    class Reason(models.TextChoices):
        FAILED = "failed", "raised an exception"
        TIMEOUT = "timeout", "ran over its time limit"
        KILLED = "killed", "ended the process that worked on it"
        REFUSED = "refused", "refused by the store"
        UNREADABLE = "unreadable", "not a message that this version reads"
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
    # The API key that brought the post.
    key_id = models.PositiveIntegerField(null=True, db_index=True)
    # The replay that it waits for.
    replay = models.ForeignKey(DeadLetterReplay, models.SET_NULL, null=True, related_name="waiting")

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
        """The time at which the API accepted the revision; None for an unreadable message."""
        return parse_datetime(str(self.payload.get("accepted_at")))

    @property
    def content(self) -> str:
        """The text of the post."""
        payload: dict[str, Any] = self.payload
        return str(payload.get("content", ""))


def delete_until(accepted_at: Mapping[str, datetime]) -> list[DeadLetter]:
    """Delete dead letters whose revision was accepted until a time, by post id; return them."""
    return [
        row
        for row in DeadLetter.objects.filter(post_id__in=accepted_at)
        if (row.accepted_at is None or row.accepted_at <= accepted_at[row.post_id])
        and DeadLetter.objects.filter(pk=row.pk, last_at=row.last_at).delete()[0]
    ]


class CrashCount(models.Model):
    """How often workers have started a redelivered post; the row is durable before each start."""

    post_id = models.CharField(max_length=64)
    step = models.CharField(max_length=20, choices=Step.choices)
    starts = models.PositiveIntegerField(default=0)
    process = models.CharField(max_length=300, default="")  # the last that started it
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("post_id", "step"), name="one_crash_count_per_post"),
        )

    def __str__(self) -> str:
        return f"{self.post_id}: started {self.starts} times at {self.step}"
