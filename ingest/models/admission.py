"""Admission control beside RabbitMQ: who paused the intake, and which requests are in flight."""

from django.db import models


class IntakePause(models.Model):
    """Who keeps the gate closed, where the broker itself cannot tell."""

    owner = models.CharField(max_length=20, unique=True)

    class Meta:
        default_permissions = ()
        permissions = (("drain", "Can drain and resume"),)

    def __str__(self) -> str:
        return self.owner


class InFlightRequest(models.Model):
    """A request whose posts may be on their way to the queue."""

    name = models.CharField(max_length=32, unique=True)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
