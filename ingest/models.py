"""What lives in the relational database: keys and dead letters, nothing on the path of a post."""

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime

KEY_PREFIX = "ing_"


class Scope(models.TextChoices):
    """What a key allows."""

    SUBMIT = "submit", "submit posts"
    READ = "read", "read counts"
    OPERATE = "operate", "drain and resume"


def _all_scopes() -> list[str]:
    return list(Scope.values)


class ApiKey(models.Model):
    """A client's key; only its digest is kept, so it can be shown once."""

    name = models.CharField(max_length=100, unique=True)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=_all_scopes)
    # Those whose posts it may submit and delete; none: all of them.
    publications = models.JSONField(default=list, blank=True)
    # None: as many as the settings say.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)  # to the hour

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(key: str) -> str:
        """Return what is kept of a key: 256 random bits need no salt and no slow hash."""
        return sha256(key.encode()).hexdigest()

    @classmethod
    def create(cls, name: str, *, scopes: list[str], **limits: Any) -> tuple["ApiKey", str]:
        """Make a key, and return it with the secret, which nobody can read again."""
        row = cls(name=name, scopes=scopes, **limits)
        secret = row.give_secret()
        row.save(force_insert=True)
        return row, secret

    def give_secret(self) -> str:
        """Make up a secret, and return it; only what it is known by is kept."""
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        self.prefix, self.digest = secret[:8], self.digest_of(secret)
        return secret


class KeyUse(models.Model):
    """How many requests a key has made in its minute, where the broker cannot count them."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE)
    used = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.used}"


class GateHold(models.Model):
    """Who keeps the gate closed, where the broker itself cannot tell."""

    holder = models.CharField(max_length=20, unique=True)

    def __str__(self) -> str:
        return self.holder


class GateLease(models.Model):
    """A request whose posts may be on their way to the queue."""

    name = models.CharField(max_length=32, unique=True)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


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

    post_id = models.CharField(max_length=64)
    publication = models.CharField(max_length=200)
    step = models.CharField(max_length=20, choices=Step.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    detail = models.TextField()
    trace = models.TextField(blank=True)
    attempts = models.PositiveIntegerField()
    payload = models.JSONField()
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("post_id", "step"), name="one_letter_per_post"),
        )
        ordering = ("-last_at",)

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


class Attempt(models.Model):
    """How often a post that was delivered again was begun: a process that dies cannot count."""

    post_id = models.CharField(max_length=64)
    step = models.CharField(max_length=20, choices=Step.choices)
    begun = models.PositiveIntegerField(default=0)
    process = models.CharField(max_length=300, default="")  # which began it last
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("post_id", "step"), name="one_count_per_post"),
        )

    def __str__(self) -> str:
        return f"{self.post_id}: begun {self.begun} times at {self.step}"
