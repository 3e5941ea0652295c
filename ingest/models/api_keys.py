"""API keys, the requests of each for its rate limit, and what accounts may read."""

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.db import models
from django.db.models import Q
from django.utils import timezone

# Scanners for secrets find a key by this prefix and the 43 characters after it.
KEY_PREFIX = "ing_"
KEY_PATTERN = re.compile(rf"\b{KEY_PREFIX}[A-Za-z0-9_-]{{43}}(?![A-Za-z0-9_-])")
# The admin, the list of keys and an alert warn of a key for so long before it expires.
WARNING = timedelta(days=14)
# After a rotation, the secret before it works for so long.
OVERLAP_HOURS = 24


class Scope(models.TextChoices):
    """A permission of an API key."""

    SUBMIT = "submit", "submit posts"
    READ = "read", "read counts"
    OPERATE = "operate", "drain and resume"


def _least_scopes() -> list[str]:
    return [Scope.SUBMIT.value]


class ApiKey(models.Model):
    """A client's key; we store only its digest, so the admin shows the secret once."""

    name = models.CharField(max_length=100, unique=True)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=_least_scopes)
    # The publications that the key may read, submit to and delete from; an empty list means all.
    publications = models.JSONField(default=list, blank=True)
    # None means the limit in the settings.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    bulk = models.BooleanField(
        default=False, help_text="Its posts are bulk posts, which live posts overtake."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(
        "expires (UTC)", null=True, blank=True, help_text="Empty: the key does not expire."
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    # The secret before the last rotation, which works until its time.
    previous_digest = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    previous_until = models.DateTimeField(null=True, editable=False)
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

    @classmethod
    def find(cls, secret: str, *, at: datetime | None = None) -> "ApiKey | None":
        """Return the key that a secret opens, now or at a time, or None."""
        digest, now = cls.digest_of(secret), at or timezone.now()
        own = Q(digest=digest) | Q(previous_digest=digest, previous_until__gt=now)
        in_time = Q(expires_at=None) | Q(expires_at__gt=now)
        return cls.objects.filter(own, in_time, revoked_at=None).first()

    @property
    def state(self) -> str:
        """The state in words: whether the key works, and for how long."""
        now = timezone.now()
        if self.revoked_at:
            return f"revoked {self.revoked_at:%Y-%m-%d}"
        if self.expires_at and self.expires_at <= now:
            return f"expired {self.expires_at:%Y-%m-%d}"
        if self.expires_at and self.expires_at <= now + WARNING:
            return f"expires in {(self.expires_at - now).days} d"
        return "valid"

    def rotate(self, *, overlap: timedelta) -> str:
        """Give the key a new secret and return it; the old one works for the overlap."""
        self.previous_digest, self.previous_until = self.digest, timezone.now() + overlap
        return self.give_secret()

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


class ReadLimit(models.Model):
    """The publications that accounts of a role may read; others they never see."""

    role = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="read_limit")
    publications = models.JSONField(default=list)

    class Meta:
        verbose_name = "publications to read"
        verbose_name_plural = "publications to read"
        default_permissions = ()

    def __str__(self) -> str:
        return ", ".join(self.publications)

    @classmethod
    def of(cls, account: AbstractBaseUser | AnonymousUser) -> frozenset[str]:
        """Return the publications that an account may read; an empty set means all."""
        if account.pk is None or getattr(account, "is_superuser", False):
            return frozenset()
        limits = cls.objects.filter(role__user=account.pk).values_list("publications", flat=True)
        return frozenset(name for names in limits for name in names)
