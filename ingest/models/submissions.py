"""What a key's requests left behind: refused posts, lists, and answers to repeat."""

import secrets

from django.db import models
from django.utils import timezone

from ingest.models.api_keys import ApiKey


def _list_name() -> str:
    return secrets.token_urlsafe(16)


class RefusedPost(models.Model):
    """A post that the API refused, with its errors, for the holder of its key to look up."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    at = models.DateTimeField(default=timezone.now)
    publication = models.CharField(max_length=200, blank=True)
    own_id = models.CharField(max_length=200, blank=True)
    errors = models.JSONField()

    class Meta:
        indexes = (models.Index(fields=("key", "at"), name="refused_by_key"),)

    def __str__(self) -> str:
        return f"{self.publication} {self.own_id}".strip()


class SubmittedList(models.Model):
    """The accepted posts of one list, under a name that cannot be guessed."""

    name = models.CharField(max_length=32, unique=True, default=_list_name)
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    accepted_at = models.DateTimeField()
    refused = models.PositiveIntegerField()
    posts = models.JSONField()

    class Meta:
        indexes = (models.Index(fields=("accepted_at",), name="lists_by_time"),)

    def __str__(self) -> str:
        return self.name


class IdempotentRequest(models.Model):
    """A request with an Idempotency-Key, and its answer once there is one."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=32)
    started_at = models.DateTimeField(default=timezone.now)
    answer = models.JSONField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("key", "name"), name="one_request_per_idempotency_key"),
        )

    def __str__(self) -> str:
        return self.name
