"""API keys, and the requests of each for its rate limit."""

import secrets
from hashlib import sha256
from typing import Any

from django.db import models
from django.utils import timezone

KEY_PREFIX = "ing_"


class Scope(models.TextChoices):
    """A permission of an API key."""

    SUBMIT = "submit", "submit posts"
    READ = "read", "read counts"
    OPERATE = "operate", "drain and resume"


def _all_scopes() -> list[str]:
    return list(Scope.values)


class ApiKey(models.Model):
    """A client's key; we store only its digest, so the admin shows the secret once."""

    name = models.CharField(max_length=100, unique=True)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=_all_scopes)
    # The publications whose posts the key may submit and delete; an empty list means all.
    publications = models.JSONField(default=list, blank=True)
    # None means the limit in the settings.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)  # to the minute

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(key: str) -> str:
        """Return the digest of a key: 256 random bits need no salt and no slow hash."""
        return sha256(key.encode()).hexdigest()

    @classmethod
    def create(cls, name: str, *, scopes: list[str], **limits: Any) -> tuple["ApiKey", str]:
        """Make a key, and return it with its secret; the secret cannot be read again."""
        row = cls(name=name, scopes=scopes, **limits)
        secret = row.give_secret()
        row.save(force_insert=True)
        return row, secret

    def give_secret(self) -> str:
        """Make a new secret and return it; the row keeps its prefix and digest."""
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        self.prefix, self.digest = secret[:8], self.digest_of(secret)
        return secret


class KeyUse(models.Model):
    """The requests of a key in its current minute, with RabbitMQ, which cannot count them."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE)
    used = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.used}"
