"""The audit log: each action of a person or a key on the system."""

from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """One action on the intake, the dead letters, the keys or the rules; an entry is read-only."""

    class Via(models.TextChoices):
        ADMIN = "admin", "the admin"
        API = "api", "the API"
        COMMAND = "command", "a command"

    class Action(models.TextChoices):
        DRAIN = "drain", "drained"
        RESUME = "resume", "resumed"
        REPLAY = "replay", "replayed"
        DISCARD = "discard", "discarded"
        ADD = "add", "added"
        CHANGE = "change", "changed"
        DELETE = "delete", "deleted"
        REVOKE = "revoke", "revoked"
        ROTATE = "rotate", "rotated"
        REPAIR = "repair", "repaired"
        CANCEL = "cancel", "cancelled"
        REPROCESS = "reprocess", "reprocessed"
        COPY = "copy", "copied"
        FORGET = "forget", "forgot"
        MOVE = "move", "moved"
        BAD_LOGIN = "bad_login", "failed to log in"
        LOCK = "lock", "was locked"

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField("who", max_length=200)
    via = models.CharField(max_length=10, choices=Via.choices)
    action = models.CharField(max_length=10, choices=Action.choices)
    target = models.CharField(max_length=300, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "audit log"
        ordering = ("-at", "-pk")
        default_permissions = ("view",)
        indexes = (models.Index(fields=("target",), name="audit_target"),)

    def __str__(self) -> str:
        return f"{self.actor} {self.get_action_display()} {self.target}".rstrip()
